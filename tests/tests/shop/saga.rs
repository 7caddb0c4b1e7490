//! Every step of the saga and its undo: run twice, run after its undo, undone twice, undone before it ran, and woken up
//! after the order ended. The functions' own code, on the shop's tables and the simulated providers.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use authorize_payment::AuthorizePayment;
use cancel_order::CancelOrder;
use capture_payment::CapturePayment;
use jiff::{SignedDuration, Timestamp};
use plan_settlement::PlanSettlement;
use refund_payment::{RefundPayment, RefundStep};
use reqwest::Response;
use shared::{
    dead_letters::LastTry,
    domain::{
        event::{Cancellation, Event, Fact, Line, OrderPlaced, Provider},
        ids::{OrderId, RefundId, Sku},
        money::{Currency, Money},
        order::{Deadlines, Order, RefundProgress, Status},
        personal::{Address, OrderDetails, PaymentMethod},
    },
    payments::{
        Limits,
        paypal::{Paypal, PaypalSecret},
        providers::Providers,
        stripe::Stripe,
    },
    repositories::order_details::OrderDetailsTable,
    saga::{OrderRef, StepError},
};
use system_tests::{Answer, Customer, Shop, eventually, local_aws, new_key, purchase_with};
use void_payment::VoidPayment;

use crate::reconciling::by_hand;

/// An order that only this test works on: it is written without a click, and on a table of its own, so that no guard and
/// no subscriber of the shop sees it.
pub(crate) struct Saga {
    pub(crate) shop: Shop,
    pub(crate) order_id: OrderId,
    pub(crate) sku: Sku,
    providers: Providers,
    pub(crate) events: shared::repositories::order_events::OrderEvents,
    details: OrderDetailsTable,
}

const LIMITS: Limits = Limits { connect: Duration::from_secs(1), call: Duration::from_secs(3) };
const PROVIDER_LIMIT: Duration = Duration::from_secs(6);

/// The simulated providers, called as the functions call them.
pub(crate) fn providers(shop: &Shop) -> Providers {
    let stripe = Stripe::new(shop.outputs.stripe_url.parse().unwrap(), "http://shop", "sk_test_simulator".into(), LIMITS);
    let secret = PaypalSecret {
        client_id: "simulator".into(),
        client_secret: "simulator-secret".into(),
        webhook_id: "WH-SIMULATOR".into(),
    };
    let paypal = Paypal::new(shop.outputs.paypal_url.parse().unwrap(), "http://shop", secret, LIMITS);
    Providers::new(Arc::new(stripe), Arc::new(paypal))
}

impl Saga {
    pub(crate) async fn placed(provider: Provider, token: &str) -> Self {
        Self::placed_from(5, provider, token).await
    }

    /// As [`placed`](Self::placed), from a shelf that has so many.
    pub(crate) async fn placed_from(stock: u32, provider: Provider, token: &str) -> Self {
        Self::placed_with(stock, vec![PaymentMethod { provider, token: token.into(), owner_known: true, account: None }]).await
    }

    /// As [`placed_from`](Self::placed_from), with these payment methods.
    async fn placed_with(stock: u32, payment_methods: Vec<PaymentMethod>) -> Self {
        let shop = Shop::running();
        let kareem = shop.sign_in("kareem").await;
        let sku = shop.own_product(stock).await;
        let order_id = kareem.order_id(&new_key());
        let details = OrderDetailsTable::new(shop.dynamodb.clone(), shop.resource("OrderDetailsTable"));
        let events = shop.own_events_table().await;
        let saga = Self { providers: providers(&shop), events, details, order_id, sku, shop };
        saga.write(payment_methods, &kareem.id).await;
        saga
    }

    async fn write(&self, payment_methods: Vec<PaymentMethod>, customer: &shared::domain::ids::CustomerId) {
        let unit_price = Money { amount: 1500, currency: Currency::USD };
        let line = Line { sku: self.sku.clone(), name: "A thing".into(), quantity: 2, unit_price };
        let placed = OrderPlaced {
            customer_id: customer.clone(),
            fingerprint: "f".into(),
            items: vec![line],
            total: Money { amount: 3000, ..unit_price },
            payment_methods: payment_methods.iter().map(|method| method.provider).collect(),
        };
        let event = Event { order_id: self.order_id.clone(), sequence: 1, at: Timestamp::now(), fact: Fact::OrderPlaced(placed) };
        let address = Address {
            name: "K".into(),
            line1: "1".into(),
            line2: None,
            city: "C".into(),
            postal_code: "1".into(),
            country: "EG".into(),
        };
        let details = OrderDetails {
            order_id: self.order_id.clone(),
            customer_id: customer.clone(),
            email: "k@souk.example".into(),
            phone: None,
            shipping_address: address,
            payment_methods,
        };
        assert!(self.events.place(&event, vec![self.details.first_write(&details).unwrap()]).await.unwrap());
    }

    /// What she does on her bank's page.
    pub(crate) async fn confirm_at_the_bank(&self, reference: &str) -> Response {
        let page = format!("{}/3d_secure_2/hosted?payment_intent={reference}", self.shop.outputs.stripe_url);
        let confirm = self.shop.http.post(page).header("Content-Type", "application/x-www-form-urlencoded");
        confirm.body("answer=yes").send().await.unwrap()
    }

    fn step(&self) -> OrderRef {
        OrderRef { order_id: self.order_id.clone() }
    }

    pub(crate) async fn reserve(&self) -> Result<OrderRef, StepError> {
        reserve_inventory::handle(&self.events, &self.shop.inventory(), self.step()).await
    }

    async fn release(&self) -> Result<OrderRef, StepError> {
        release_inventory::handle(&self.events, &self.shop.inventory(), self.step()).await
    }

    pub(crate) async fn authorize(&self) -> Result<OrderRef, StepError> {
        self.authorize_within(Duration::from_secs(20)).await
    }

    async fn authorize_within(&self, time: Duration) -> Result<OrderRef, StepError> {
        let step = AuthorizePayment {
            events: self.events.clone(),
            details: self.details.clone(),
            providers: self.providers.clone(),
            provider_limit: PROVIDER_LIMIT,
        };
        step.handle(self.step(), SystemTime::now() + time).await
    }

    async fn void(&self) -> Result<OrderRef, StepError> {
        let step = VoidPayment {
            events: self.events.clone(),
            providers: self.providers.clone(),
            provider_limit: PROVIDER_LIMIT,
            unauthorized_life: SignedDuration::from_hours(1),
        };
        step.handle(self.step()).await
    }

    pub(crate) async fn confirm(&self) -> Result<OrderRef, StepError> {
        confirm_order::handle(&self.events, self.step()).await
    }

    async fn capture(&self) -> Result<OrderRef, StepError> {
        let (aws, dead_letters) = (local_aws(&self.shop.outputs.aws_endpoint), self.shop.resource("CapturePaymentDeadLetters"));
        let step = CapturePayment {
            events: self.events.clone(),
            providers: self.providers.clone(),
            provider_limit: PROVIDER_LIMIT,
            last_try: LastTry::new(&aws, dead_letters, 5),
        };
        step.capture(self.step()).await
    }

    async fn refund(&self) -> Result<OrderRef, StepError> {
        self.refund_as_planned(None).await
    }

    async fn refund_as_planned(&self, failed: Option<u32>) -> Result<OrderRef, StepError> {
        let (events, order_id) = (self.events.clone(), self.order_id.clone());
        let step = RefundPayment { events, providers: self.providers.clone(), provider_limit: PROVIDER_LIMIT };
        step.handle(RefundStep { order_id, failed }).await
    }

    async fn cancel(&self, reason: Cancellation) -> Result<OrderRef, StepError> {
        cancel_order::handle(&self.events, CancelOrder { order_id: self.order_id.clone(), reason }).await
    }

    pub(crate) async fn order(&self) -> Order {
        self.events.order(&self.order_id).await.unwrap()
    }

    async fn available(&self) -> u32 {
        self.shop.available(self.sku.as_str()).await
    }

    async fn ledger(&self) -> Vec<String> {
        self.shop.ledger(&self.order_id).await
    }

    async fn length(&self) -> u32 {
        self.order().await.sequence
    }
}

fn refused(outcome: &Result<OrderRef, StepError>) -> bool {
    matches!(outcome, Err(StepError::NotAllowed(_)))
}

const BOTH: [(Provider, &str); 2] = [(Provider::Stripe, "pm_card_visa"), (Provider::Paypal, "vault_ok")];

#[tokio::test]
async fn each_step_run_twice_does_its_work_once() {
    for (provider, token) in BOTH {
        let saga = Saga::placed(provider, token).await;
        saga.reserve().await.unwrap();
        saga.reserve().await.unwrap();
        assert_eq!(saga.available().await, 3);
        saga.authorize().await.unwrap();
        saga.authorize().await.unwrap();
        assert_eq!(saga.ledger().await, ["authorize"]);
        saga.confirm().await.unwrap();
        saga.confirm().await.unwrap();
        saga.capture().await.unwrap();
        saga.capture().await.unwrap();
        assert_eq!(saga.ledger().await, ["authorize", "capture"]);
        let before = saga.length().await;
        for repeated in [saga.reserve().await, saga.authorize().await, saga.confirm().await, saga.capture().await] {
            repeated.unwrap();
        }
        assert_eq!(saga.length().await, before, "{provider}: a repeat appends nothing");
        assert_eq!((saga.available().await, saga.ledger().await.len()), (3, 2));
        assert!(saga.order().await.is_closed());
    }
}

#[tokio::test]
async fn each_undo_run_twice_undoes_once_and_its_step_run_after_it_does_nothing() {
    for (provider, token) in BOTH {
        let saga = Saga::placed(provider, token).await;
        saga.reserve().await.unwrap();
        saga.authorize().await.unwrap();
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        for _ in 0..2 {
            saga.void().await.unwrap();
            saga.release().await.unwrap();
        }
        assert_eq!(saga.ledger().await, ["authorize", "void"], "{provider}");
        assert_eq!(saga.available().await, 5);
        let before = saga.length().await;
        for late in [saga.reserve().await, saga.authorize().await, saga.confirm().await, saga.capture().await] {
            assert!(refused(&late), "{provider}: a step after its undo does nothing");
        }
        assert_eq!((saga.length().await, saga.available().await), (before, 5));
        assert!(saga.order().await.is_closed());
    }
}

#[tokio::test]
async fn an_undo_before_its_step_undoes_nothing_and_the_step_that_comes_late_does_nothing() {
    for (provider, token) in BOTH {
        let saga = Saga::placed(provider, token).await;
        assert!(refused(&saga.release().await), "nothing is undone before the order has ended");
        saga.cancel(Cancellation::PaymentTimedOut).await.unwrap();
        saga.void().await.unwrap();
        saga.release().await.unwrap();
        saga.refund().await.unwrap();
        assert_eq!(saga.length().await, 2, "what never happened needs no undoing");
        assert!(refused(&saga.reserve().await) && refused(&saga.authorize().await) && refused(&saga.confirm().await));
        assert_eq!((saga.available().await, saga.ledger().await.len()), (5, 0));
    }
}

#[tokio::test]
async fn a_confirmed_order_is_undone_by_nothing_but_its_cancel() {
    for (provider, token) in BOTH {
        let saga = Saga::placed(provider, token).await;
        saga.reserve().await.unwrap();
        saga.authorize().await.unwrap();
        saga.confirm().await.unwrap();
        assert!(refused(&saga.release().await) && refused(&saga.void().await));
        assert!(refused(&saga.cancel(Cancellation::PaymentTimedOut).await));
        assert_eq!((saga.available().await, saga.ledger().await), (3, vec!["authorize".to_owned()]));
        saga.capture().await.unwrap();
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        assert!(refused(&saga.void().await), "what was taken goes back as a refund");
        saga.release().await.unwrap();
        saga.refund().await.unwrap();
        saga.refund().await.unwrap();
        assert_eq!(saga.ledger().await, ["authorize", "capture", "refund"], "{provider}");
        assert_eq!(saga.available().await, 5);
        assert!(saga.order().await.is_closed());
    }
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_is_tried_again_as_another() {
    for (provider, token) in [(Provider::Stripe, "pm_card_refundFail"), (Provider::Paypal, "vault_refund_fails")] {
        let saga = Saga::placed(provider, token).await;
        saga.reserve().await.unwrap();
        saga.authorize().await.unwrap();
        saga.confirm().await.unwrap();
        saga.capture().await.unwrap();
        saga.cancel(Cancellation::CustomerRequest).await.unwrap();
        let _ = saga.refund().await;
        let first = saga.order().await.refunds()[0].id.clone();
        eventually("the provider says that the refund failed", || async {
            let gateway = saga.providers.gateway(provider);
            let order = saga.order().await;
            let found = gateway.find_refund(&order.attempts()[0].reference, &first).await.unwrap();
            matches!(found, Some(shared::domain::payment::RefundState::Failed(_)))
        })
        .await;
        // As a webhook's observation does; a refund without an outcome is looked up by the step itself.
        saga.events.advance(&saga.order_id, |order| order.fail_refund(&first, "refused")).await.unwrap();
        let _ = saga.refund().await;
        let order = saga.order().await;
        assert_eq!(order.refunds().len(), 2, "{provider}: another refund, with an id of its own");
        assert_ne!(order.refunds()[1].id, first);
    }
}

/// Its answer was lost, and the provider has forgotten the key that it came with, as Stripe does after a day: sent again, it
/// would be a second refund.
#[tokio::test]
async fn a_refund_that_may_have_been_sent_is_looked_up_and_never_sent_blindly() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    saga.reserve().await.unwrap();
    saga.authorize().await.unwrap();
    saga.confirm().await.unwrap();
    saga.capture().await.unwrap();
    let refund = RefundId::for_request(&saga.order_id, "lost");
    let part = Money { amount: 100, currency: Currency::USD };
    saga.events.advance(&saga.order_id, |order| order.start_refund(&refund, part)).await.unwrap();
    let reference = saga.order().await.attempts()[0].reference.clone();
    let sent = format!("payment_intent={reference}&amount=100&metadata[refund_id]={refund}");
    by_hand(&saga.shop, "/v1/refunds", sent).await;
    saga.refund().await.unwrap();
    assert_eq!(saga.order().await.refunds()[0].progress, RefundProgress::Refunded);
    assert_eq!(saga.ledger().await, ["authorize", "capture", "refund"]);
}

/// Two settlements planned it; one was faster, and its refund failed.
#[tokio::test]
async fn a_refund_is_begun_only_if_none_failed_since_it_was_planned() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    saga.reserve().await.unwrap();
    saga.authorize().await.unwrap();
    saga.confirm().await.unwrap();
    saga.capture().await.unwrap();
    let reference = saga.order().await.attempts()[0].reference.clone();
    by_hand(&saga.shop, "/v1/refunds", format!("payment_intent={reference}&amount=100")).await;
    saga.cancel(Cancellation::CustomerRequest).await.unwrap();
    for (planned, refunds) in [(0, 1), (0, 1), (1, 2), (1, 2)] {
        saga.refund_as_planned(Some(planned)).await.unwrap();
        let order = saga.order().await;
        assert_eq!((order.refunds().len(), order.failed_cancellation_refunds()), (refunds, u32::try_from(refunds).unwrap()));
    }
}

#[tokio::test]
async fn an_authorisation_that_lapsed_ends_as_a_failed_capture_and_a_cancel() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    saga.reserve().await.unwrap();
    saga.authorize().await.unwrap();
    saga.confirm().await.unwrap();
    // The provider lets go by itself, as after seven days.
    let reference = saga.order().await.attempts()[0].reference.clone();
    saga.providers.gateway(Provider::Stripe).void(&reference).await.unwrap();
    saga.capture().await.unwrap();
    assert_eq!(saga.order().await.owes(), [shared::domain::order::Owed::Cancel(Cancellation::AuthorizationLapsed)]);
    saga.cancel(Cancellation::AuthorizationLapsed).await.unwrap();
    saga.void().await.unwrap();
    saga.release().await.unwrap();
    let order = saga.order().await;
    assert!(order.is_closed() && order.status() == Status::Cancelled);
    assert_eq!(saga.available().await, 5);
}

#[tokio::test]
async fn a_settlement_writes_that_the_click_is_over_and_who_only_looks_writes_nothing() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    let planner = PlanSettlement {
        events: saga.events.clone(),
        deadlines: Deadlines { payment: SignedDuration::from_hours(24), action: SignedDuration::from_hours(1) },
        first_wait: 1,
        longest_wait: 4,
        refund_pause: SignedDuration::from_mins(10),
    };
    let plan = async |dry_run: bool| {
        let round = serde_json::from_value(serde_json::json!({"order_id": saga.order_id, "dry_run": dry_run})).unwrap();
        planner.handle(round, Timestamp::now()).await.unwrap()
    };
    assert_eq!(plan(true).await.steps[0].name, "ReserveInventory");
    assert!(!saga.order().await.was_deferred());
    for _ in 0..2 {
        assert_eq!(plan(false).await.steps[0].name, "ReserveInventory");
        let order = saga.order().await;
        assert!(order.was_deferred() && order.sequence == 2, "once");
    }
    saga.cancel(Cancellation::CustomerRequest).await.unwrap();
    assert!(plan(false).await.is_closed, "an order that has ended is not deferred");
}

/// At her click the provider did not say in time whose it is.
#[tokio::test]
async fn a_method_that_turns_out_to_be_anothers_is_declined_and_never_charged() {
    for (provider, prefix) in [(Provider::Stripe, "pm_of_"), (Provider::Paypal, "vault_of_")] {
        let amina = Shop::running().sign_in("amina").await;
        let token = format!("{prefix}{}", amina.id).into();
        let saga = Saga::placed_with(5, vec![PaymentMethod { provider, token, owner_known: false, account: None }]).await;
        saga.reserve().await.unwrap();
        let declined = saga.authorize().await;
        assert!(matches!(&declined, Err(StepError::PaymentDeclined(_))), "{provider}: {declined:?}");
        assert_eq!(saga.ledger().await, [""; 0], "{provider}");
    }
}

#[tokio::test]
async fn another_method_is_tried_only_with_time_to_finish() {
    let method = |provider, token: &str| PaymentMethod { provider, token: token.into(), owner_known: true, account: None };
    let methods = vec![method(Provider::Stripe, "pm_card_visa"), method(Provider::Paypal, "vault_ok")];
    let saga = Saga::placed_with(5, methods).await;
    saga.reserve().await.unwrap();
    saga.shop.fault(&saga.order_id, "prepare", "error", 1).await;
    let late = saga.authorize_within(PROVIDER_LIMIT).await;
    assert!(matches!(late, Err(StepError::Unavailable(_))), "{late:?}");
    assert_eq!(saga.order().await.attempts(), []);
    saga.shop.fault(&saga.order_id, "prepare", "error", 1).await;
    saga.authorize_within(2 * PROVIDER_LIMIT).await.unwrap();
    assert_eq!(saga.order().await.attempts()[0].provider, Provider::Paypal);
}

#[tokio::test]
async fn a_missing_token_cancels_the_order_only_while_payment_is_owed() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    saga.reserve().await.unwrap();
    saga.details.erase_tokens(&saga.order_id).await.unwrap();
    assert!(refused(&saga.authorize().await));
    assert_eq!(saga.order().await.outcome(), &shared::domain::order::Outcome::Cancelled(Cancellation::DetailsErased));

    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    saga.reserve().await.unwrap();
    saga.authorize().await.unwrap();
    saga.details.erase_tokens(&saga.order_id).await.unwrap();
    saga.authorize().await.unwrap();
    saga.confirm().await.unwrap();
    assert_eq!(saga.order().await.status(), Status::Confirmed, "it was paid before the token went");
}

const CARD: (&str, &str) = ("stripe", "pm_card_visa");
const PAYPAL: (&str, &str) = ("paypal", "vault_ok");
const DECLINED: (&str, &str) = ("stripe", "pm_card_visa_chargeDeclined");

/// One order with one call that is frozen between deciding and acting.
struct Frozen {
    shop: Shop,
    customer: Customer,
    call: &'static str,
    key: String,
    order_id: OrderId,
    sku: Sku,
}

impl Frozen {
    async fn at(call: &'static str) -> Self {
        let shop = Shop::running();
        let customer = shop.sign_in("kareem").await;
        let (sku, key) = (shop.own_product(5).await, new_key());
        let order_id = customer.order_id(&key);
        shop.strike(&order_id, call, "freeze").await;
        Self { shop, customer, call, key, order_id, sku }
    }

    async fn buy(&self, method: (&str, &str)) -> Answer {
        self.customer.checkout(&self.key, &purchase_with(&[(self.sku.as_str(), 1)], &[method])).await
    }

    async fn is_held(&self) {
        eventually(&format!("{} is held", self.call), || self.shop.is_held(&self.order_id, self.call)).await;
    }

    async fn cancel(&self) {
        let cancelled = self.customer.cancel_patiently(&self.order_id).await;
        assert_eq!(cancelled.status, 200, "{}: {cancelled:?}", self.call);
    }

    async fn thaw(&self) {
        assert!(self.shop.thaw(&self.order_id, self.call).await, "{} was not held", self.call);
    }

    /// The order has ended so and stays so, with nothing held, taken or kept.
    async fn ended(&self, end: Status) {
        let order = self.shop.closed(&self.order_id).await;
        assert_eq!(order.status(), end, "{}", self.call);
        let lines = self.shop.ledger(&self.order_id).await;
        let count = |operation: &str| lines.iter().filter(|line| *line == operation).count();
        assert_eq!(count("authorize"), count("capture") + count("void"), "{}: {lines:?}", self.call);
        assert!(count("capture") <= 1 && count("capture") == count("refund"), "{}: {lines:?}", self.call);
        assert_eq!(self.shop.available(self.sku.as_str()).await, 5, "{}", self.call);
    }

    /// It wakes up after the end.
    async fn wakes_up_late(&self, end: Status) {
        self.ended(end).await;
        self.thaw().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.ended(end).await;
    }
}

#[tokio::test]
async fn a_step_that_wakes_up_after_the_order_ended_changes_nothing() {
    for (call, method) in [
        ("reserve-inventory/dynamodb.TransactWriteItems(OrderEventsTable)#1", CARD),
        ("authorize-payment/stripe.CreatePaymentIntent#1", CARD),
        ("authorize-payment/dynamodb.PutItem(OrderEventsTable)#1", CARD),
        ("authorize-payment/stripe.ConfirmPaymentIntent#1", CARD),
        ("authorize-payment/dynamodb.PutItem(OrderEventsTable)#2", CARD),
        ("authorize-payment/paypal.CreateOrder#1", PAYPAL),
        ("confirm-order/dynamodb.PutItem(OrderEventsTable)#1", CARD),
        ("capture-payment/dynamodb.PutItem(OrderEventsTable)#1", CARD),
        ("capture-payment/stripe.CapturePaymentIntent#1", CARD),
        ("capture-payment/paypal.CaptureAuthorization#1", PAYPAL),
    ] {
        let frozen = Frozen::at(call).await;
        let (answer, ()) = tokio::join!(frozen.buy(method), async {
            frozen.is_held().await;
            frozen.cancel().await;
        });
        assert!(answer.status < 500, "{call}: {answer:?}");
        frozen.wakes_up_late(Status::Cancelled).await;
    }
}

#[tokio::test]
async fn an_undo_that_wakes_up_after_it_was_done_again_changes_nothing() {
    for call in [
        "void-payment/stripe.CancelPaymentIntent#1",
        "void-payment/dynamodb.PutItem(OrderEventsTable)#1",
        "release-inventory/dynamodb.TransactWriteItems(OrderEventsTable)#1",
    ] {
        let frozen = Frozen::at(call).await;
        let answer = frozen.buy(DECLINED).await;
        assert!([202, 402].contains(&answer.status), "{call}: {answer:?}");
        frozen.is_held().await;
        frozen.wakes_up_late(Status::Rejected).await;
    }
    for (call, method) in [
        ("refund-payment/stripe.CreateRefund#1", CARD),
        ("refund-payment/dynamodb.PutItem(OrderEventsTable)#1", CARD),
        ("refund-payment/paypal.RefundCapture#1", PAYPAL),
    ] {
        let frozen = Frozen::at(call).await;
        let answer = frozen.buy(method).await;
        assert!([201, 202].contains(&answer.status), "{call}: {answer:?}");
        assert_eq!(frozen.shop.closed(&frozen.order_id).await.status(), Status::Paid, "{call}");
        frozen.cancel().await;
        frozen.is_held().await;
        frozen.wakes_up_late(Status::Cancelled).await;
    }
}

/// PayPal cannot cancel what was never authorised, so the order is watched until it is.
#[tokio::test]
async fn an_authorisation_at_paypal_that_wakes_up_after_the_cancel_is_voided() {
    let frozen = Frozen::at("authorize-payment/paypal.AuthorizeOrder#1").await;
    let (answer, ()) = tokio::join!(frozen.buy(PAYPAL), async {
        frozen.is_held().await;
        frozen.cancel().await;
        frozen.thaw().await;
    });
    assert!(answer.status < 500, "{answer:?}");
    frozen.ended(Status::Cancelled).await;
    assert_eq!(frozen.shop.ledger(&frozen.order_id).await[0], "authorize", "there was a hold");
}

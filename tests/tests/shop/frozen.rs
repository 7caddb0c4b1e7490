//! A step that is frozen between deciding and acting, and wakes up after the order has ended.

use std::time::Duration;

use shared::domain::{
    ids::{OrderId, Sku},
    order::Status,
};
use system_tests::{Answer, Customer, Shop, eventually, new_key, purchase_with};
use tokio::task::JoinSet;

const CARD: (&str, &str) = ("stripe", "pm_card_visa");
const PAYPAL: (&str, &str) = ("paypal", "vault_ok");
const DECLINED: (&str, &str) = ("stripe", "pm_card_visa_chargeDeclined");

/// One order with one call that is frozen between deciding and acting.
#[derive(Clone)]
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
        let events = self.shop.event_names(&self.order_id).await;
        self.thaw().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.ended(end).await;
        assert_eq!(self.shop.event_names(&self.order_id).await, events, "{}: nothing was appended", self.call);
    }
}

#[tokio::test]
async fn a_step_that_wakes_up_after_the_order_ended_changes_nothing() {
    let mut cases = JoinSet::new();
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
        cases.spawn(async move {
            let frozen = Frozen::at(call).await;
            let (answer, ()) = tokio::join!(frozen.buy(method), async {
                frozen.is_held().await;
                frozen.cancel().await;
            });
            assert!(answer.status < 500, "{call}: {answer:?}");
            frozen.wakes_up_late(Status::Cancelled).await;
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn an_undo_that_wakes_up_after_it_was_done_again_changes_nothing() {
    let mut cases = JoinSet::new();
    for call in [
        "reject-order/dynamodb.PutItem(OrderEventsTable)#1",
        "void-payment/stripe.CancelPaymentIntent#1",
        "void-payment/dynamodb.PutItem(OrderEventsTable)#1",
        "release-inventory/dynamodb.TransactWriteItems(OrderEventsTable)#1",
    ] {
        cases.spawn(async move {
            let frozen = Frozen::at(call).await;
            let answer = frozen.buy(DECLINED).await;
            assert!([202, 402].contains(&answer.status), "{call}: {answer:?}");
            frozen.is_held().await;
            frozen.wakes_up_late(Status::Rejected).await;
        });
    }
    for (call, method) in [
        ("refund-payment/stripe.CreateRefund#1", CARD),
        ("refund-payment/dynamodb.PutItem(OrderEventsTable)#1", CARD),
        ("refund-payment/paypal.RefundCapture#1", PAYPAL),
    ] {
        cases.spawn(async move {
            let frozen = Frozen::at(call).await;
            let answer = frozen.buy(method).await;
            assert!([201, 202].contains(&answer.status), "{call}: {answer:?}");
            assert_eq!(frozen.shop.closed(&frozen.order_id).await.status(), Status::Paid, "{call}");
            frozen.cancel().await;
            frozen.is_held().await;
            frozen.wakes_up_late(Status::Cancelled).await;
        });
    }
    cases.join_all().await;
}

/// She cancels while her money is held and before the order is confirmed.
#[tokio::test]
async fn an_undo_of_what_was_held_that_wakes_up_after_it_was_done_again_changes_nothing() {
    let mut cases = JoinSet::new();
    for (call, method) in [
        ("void-payment/stripe.CancelPaymentIntent#1", CARD),
        ("void-payment/paypal.VoidAuthorization#1", PAYPAL),
        ("release-inventory/dynamodb.TransactWriteItems(OrderEventsTable)#1", CARD),
    ] {
        cases.spawn(async move {
            let frozen = Frozen::at(call).await;
            let confirm = Frozen { call: "confirm-order/dynamodb.PutItem(OrderEventsTable)#1", ..frozen.clone() };
            frozen.shop.strike(&frozen.order_id, confirm.call, "freeze").await;
            let (answer, ()) = tokio::join!(frozen.buy(method), async {
                confirm.is_held().await;
                frozen.cancel().await;
            });
            assert!(answer.status < 500, "{call}: {answer:?}");
            frozen.is_held().await;
            frozen.wakes_up_late(Status::Cancelled).await;
            confirm.wakes_up_late(Status::Cancelled).await;
            assert_eq!(frozen.shop.ledger(&frozen.order_id).await, ["authorize", "void"], "{call}");
        });
    }
    cases.join_all().await;
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

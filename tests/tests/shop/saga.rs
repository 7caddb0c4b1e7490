//! An order of a test's own, and every step of the saga on it: the functions' own code, on the shop's tables and the
//! simulated providers.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use authorize_payment::AuthorizePayment;
use aws_sdk_dynamodb::Client as DynamoDb;
use cancel_order::CancelOrder;
use capture_payment::CapturePayment;
use jiff::{SignedDuration, Timestamp};
use refund_payment::{RefundPayment, RefundStep};
use reject_order::RejectOrder;
use reqwest::Response;
use shared::{
    dead_letters::LastTry,
    domain::{
        event::{Cancellation, Event, Fact, Line, OrderPlaced, Provider, Rejection},
        ids::{OrderId, Sku},
        money::{Currency, Money},
        order::{Order, Owed},
        personal::{Address, OrderDetails, PaymentMethod},
    },
    payments::{
        Limits,
        paypal::{Paypal, PaypalSecret},
        providers::Providers,
        stripe::Stripe,
    },
    repositories::{order_details::OrderDetailsTable, order_events::OrderEvents},
    saga::{OrderRef, StepError},
};
use system_tests::{Shop, local_aws, new_key};
use void_payment::VoidPayment;

/// An order that only this test works on: it is written without a click, and on a table of its own, so that no guard and
/// no subscriber of the shop sees it.
pub(crate) struct Saga {
    pub(crate) shop: Shop,
    pub(crate) order_id: OrderId,
    pub(crate) sku: Sku,
    pub(crate) providers: Providers,
    pub(crate) table: String,
    pub(crate) events: OrderEvents,
    pub(crate) details: OrderDetailsTable,
}

const LIMITS: Limits = Limits { connect: Duration::from_secs(1), call: Duration::from_secs(3) };
pub(crate) const PROVIDER_LIMIT: Duration = Duration::from_secs(6);

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

/// What she does on her bank's page.
pub(crate) async fn confirm_at_the_bank(shop: &Shop, reference: &str) -> Response {
    let page = format!("{}/3d_secure_2/hosted?payment_intent={reference}", shop.outputs.stripe_url);
    let confirm = shop.http.post(page).header("Content-Type", "application/x-www-form-urlencoded");
    confirm.body("answer=yes").send().await.unwrap()
}

impl Saga {
    pub(crate) async fn placed(provider: Provider, token: &str) -> Self {
        Self::placed_from(5, provider, token).await
    }

    /// As [`placed`](Self::placed), from a shelf that has so many.
    pub(crate) async fn placed_from(stock: u32, provider: Provider, token: &str) -> Self {
        Self::placed_with(stock, vec![PaymentMethod { provider, token: token.into(), owner_known: true, account: None }]).await
    }

    /// Placed, and what is to be sold and to be paid is held.
    pub(crate) async fn authorized(provider: Provider, token: &str) -> Self {
        let saga = Self::placed(provider, token).await;
        saga.reserve().await.unwrap();
        saga.authorize().await.unwrap();
        saga
    }

    /// As far as a click on which all goes well.
    pub(crate) async fn confirmed(provider: Provider, token: &str) -> Self {
        let saga = Self::authorized(provider, token).await;
        saga.confirm().await.unwrap();
        saga
    }

    /// Confirmed, and its money taken.
    pub(crate) async fn paid(provider: Provider, token: &str) -> Self {
        let saga = Self::confirmed(provider, token).await;
        saga.capture().await.unwrap();
        saga
    }

    /// As [`placed_from`](Self::placed_from), with these payment methods.
    pub(crate) async fn placed_with(stock: u32, payment_methods: Vec<PaymentMethod>) -> Self {
        let shop = Shop::running();
        let kareem = shop.sign_in("kareem").await;
        let sku = shop.own_product(stock).await;
        let order_id = kareem.order_id(&new_key());
        let table = shop.own_events_table().await;
        let saga = Self::of(shop, table, order_id, sku);
        saga.write(payment_methods, &kareem.id).await;
        saga
    }

    fn of(shop: Shop, table: String, order_id: OrderId, sku: Sku) -> Self {
        let events = OrderEvents::new(shop.dynamodb.clone(), &table);
        let details = OrderDetailsTable::new(shop.dynamodb.clone(), shop.resource("OrderDetailsTable"));
        Self { providers: providers(&shop), table, events, details, order_id, sku, shop }
    }

    /// The same order for another process, which has clients of its own.
    pub(crate) fn elsewhere(&self, dynamodb: DynamoDb) -> Self {
        let shop = Shop { dynamodb, ..Shop::running() };
        Self::of(shop, self.table.clone(), self.order_id.clone(), self.sku.clone())
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

    pub(crate) async fn confirm_at_the_bank(&self, reference: &str) -> Response {
        confirm_at_the_bank(&self.shop, reference).await
    }

    fn step(&self) -> OrderRef {
        OrderRef { order_id: self.order_id.clone() }
    }

    pub(crate) async fn reserve(&self) -> Result<OrderRef, StepError> {
        reserve_inventory::handle(&self.events, &self.shop.inventory(), self.step()).await
    }

    pub(crate) async fn release(&self) -> Result<OrderRef, StepError> {
        release_inventory::handle(&self.events, &self.shop.inventory(), self.step()).await
    }

    pub(crate) async fn authorize(&self) -> Result<OrderRef, StepError> {
        self.authorize_within(Duration::from_secs(20)).await
    }

    pub(crate) async fn authorize_within(&self, time: Duration) -> Result<OrderRef, StepError> {
        let step = AuthorizePayment {
            events: self.events.clone(),
            details: self.details.clone(),
            providers: self.providers.clone(),
            provider_limit: PROVIDER_LIMIT,
        };
        step.handle(self.step(), SystemTime::now() + time).await
    }

    pub(crate) async fn void(&self) -> Result<OrderRef, StepError> {
        let step = VoidPayment {
            events: self.events.clone(),
            providers: self.providers.clone(),
            provider_limit: PROVIDER_LIMIT,
            request_life: SignedDuration::from_hours(1),
        };
        step.handle(self.step()).await
    }

    pub(crate) async fn confirm(&self) -> Result<OrderRef, StepError> {
        confirm_order::handle(&self.events, self.step()).await
    }

    pub(crate) async fn capture(&self) -> Result<OrderRef, StepError> {
        let (aws, dead_letters) = (local_aws(&self.shop.outputs.aws_endpoint), self.shop.resource("CapturePaymentDeadLetters"));
        let step = CapturePayment {
            events: self.events.clone(),
            providers: self.providers.clone(),
            provider_limit: PROVIDER_LIMIT,
            last_try: LastTry::new(&aws, dead_letters, 5),
        };
        step.capture(self.step()).await
    }

    pub(crate) async fn refund(&self) -> Result<OrderRef, StepError> {
        self.refund_as_planned(None).await
    }

    pub(crate) async fn refund_as_planned(&self, failed: Option<u32>) -> Result<OrderRef, StepError> {
        let (events, order_id) = (self.events.clone(), self.order_id.clone());
        let step = RefundPayment {
            events,
            providers: self.providers.clone(),
            provider_limit: PROVIDER_LIMIT,
            request_life: SignedDuration::from_hours(1),
        };
        step.handle(RefundStep { order_id, failed }).await
    }

    /// Rejected for what the order's own events say, or for a decline that they do not know.
    pub(crate) async fn reject(&self) -> Result<OrderRef, StepError> {
        let owed = self.order().await.owes().into_iter().find_map(|owed| match owed {
            Owed::Reject(reason) => Some(reason),
            _ => None,
        });
        let reason = owed.unwrap_or_else(|| Rejection::PaymentDeclined { decline_code: "made_up".into() });
        reject_order::handle(&self.events, RejectOrder { order_id: self.order_id.clone(), reason }).await
    }

    pub(crate) async fn cancel(&self, reason: Cancellation) -> Result<OrderRef, StepError> {
        cancel_order::handle(&self.events, CancelOrder { order_id: self.order_id.clone(), reason }).await
    }

    pub(crate) async fn order(&self) -> Order {
        self.events.order(&self.order_id).await.unwrap()
    }

    pub(crate) async fn available(&self) -> u32 {
        self.shop.available(self.sku.as_str()).await
    }

    pub(crate) async fn ledger(&self) -> Vec<String> {
        self.shop.ledger(&self.order_id).await
    }

    pub(crate) async fn length(&self) -> u32 {
        self.order().await.sequence
    }
}

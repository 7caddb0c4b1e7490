//! The adapters against the payment simulator, each test with one of its own: what they say, the ledger confirms.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use payment_simulator::{Addresses, Ports};
use reqwest::{Client, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::{
    domain::{
        event::Provider,
        ids::{CustomerId, OrderId, RefundId},
        money::{Currency, Money},
    },
    payments::{
        Limits, MethodOwner, PaymentError, PaymentGateway, PaymentState, Preparation, RefundState,
        paypal::{Paypal, PaypalSecret},
        stripe::{Stripe, StripeSecret},
        webhooks::{WebhookError, WebhookEvent, Webhooks},
    },
};
use system_tests::new_key;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const LIMITS: Limits = Limits { connect: Duration::from_secs(1), call: Duration::from_secs(5) };
const PRICE: Money = Money { amount: 4599, currency: Currency::USD };
const SHOP: &str = "http://127.0.0.1:3000";

/// A provider as the simulator plays it, and its test tokens.
struct Played {
    name: Provider,
    gateway: Box<dyn PaymentGateway>,
    good: &'static str,
    declined: &'static str,
    asks_her: &'static str,
    addresses: Addresses,
    http: Client,
    order_id: OrderId,
}

fn paypal_secret() -> PaypalSecret {
    PaypalSecret {
        client_id: "simulator".into(),
        client_secret: "simulator-secret".into(),
        webhook_id: "8PT597110X687430LKGECATA".into(),
    }
}

impl Played {
    async fn each() -> [Self; 2] {
        [Self::stripe(LIMITS).await, Self::paypal(LIMITS).await]
    }

    async fn stripe(limits: Limits) -> Self {
        let addresses = payment_simulator::start(Ports::default()).await.unwrap();
        let url = addresses.stripe_url.parse().unwrap();
        Self {
            name: Provider::Stripe,
            gateway: Box::new(Stripe::new(url, SHOP, "sk_test_51".into(), limits)),
            good: "pm_card_visa",
            declined: "pm_card_chargeDeclined",
            asks_her: "pm_card_authenticationRequired",
            addresses,
            http: Client::new(),
            order_id: OrderId::for_request(&CustomerId("kareem".into()), "stripe"),
        }
    }

    async fn paypal(limits: Limits) -> Self {
        let addresses = payment_simulator::start(Ports::default()).await.unwrap();
        let url = addresses.paypal_url.parse().unwrap();
        Self {
            name: Provider::Paypal,
            gateway: Box::new(Paypal::new(url, SHOP, paypal_secret(), limits)),
            good: "vault_ok",
            declined: "vault_declined",
            asks_her: "vault_action",
            addresses,
            http: Client::new(),
            order_id: OrderId::for_request(&CustomerId("kareem".into()), "paypal"),
        }
    }

    async fn prepare(&self) -> String {
        let preparation = Preparation { order_id: &self.order_id, attempt: 1, amount: PRICE, account: None };
        self.gateway.prepare(&preparation).await.unwrap()
    }

    async fn authorize(&self, reference: &str, token: &str) -> Result<PaymentState, PaymentError> {
        self.gateway.authorize(&self.order_id, reference, &token.into()).await
    }

    async fn authorized(&self) -> String {
        let reference = self.prepare().await;
        let state = self.authorize(&reference, self.good).await.unwrap();
        assert!(matches!(state, PaymentState::Authorized { .. }), "{}: {state:?}", self.name);
        reference
    }

    async fn captured(&self) -> String {
        let reference = self.authorized().await;
        assert_eq!(self.gateway.capture(&reference, PRICE).await, Ok(PaymentState::Captured), "{}", self.name);
        reference
    }

    fn refund_id(&self, key: &str) -> RefundId {
        RefundId::for_request(&self.order_id, key)
    }

    async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}/{path}", self.addresses.control_url)).json(&body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    async fn fault(&self, operation: &str, fault: &str) {
        let fault = json!({"provider": self.name.name(), "operation": operation, "fault": fault, "times": 1, "delay_ms": 0});
        self.control(Method::PUT, "faults", fault).await;
    }

    /// What moved, oldest first.
    async fn ledger(&self) -> Vec<String> {
        let lines = self.http.get(format!("{}/ledger", self.addresses.control_url)).send().await.unwrap();
        let lines: Vec<Value> = lines.json().await.unwrap();
        lines.iter().map(|line| format!("{} {}", line["operation"].as_str().unwrap(), line["amount"])).collect()
    }
}

#[tokio::test]
async fn a_payment_goes_through_its_whole_life_and_moves_once_whatever_is_repeated() {
    for played in Played::each().await {
        let gateway = &played.gateway;
        assert_eq!(gateway.owner(&played.good.into()).await, Ok(MethodOwner::Bearer), "{}", played.name);
        let reference = played.prepare().await;
        assert_eq!(gateway.read(&reference).await, Ok(PaymentState::Prepared), "{}", played.name);
        let state = played.authorize(&reference, played.good).await.unwrap();
        let PaymentState::Authorized { capture_before: Some(end) } = state else { panic!("{}: {state:?}", played.name) };
        assert!(end > Timestamp::now() + SignedDuration::from_hours(24), "{}", played.name);
        assert_eq!(gateway.read(&reference).await, Ok(state), "{}", played.name);
        assert_eq!(gateway.taken(&reference).await, Ok(None), "{}", played.name);
        for _ in 0..2 {
            assert_eq!(gateway.capture(&reference, PRICE).await, Ok(PaymentState::Captured), "{}", played.name);
        }
        let (part, refund) = (Money { amount: 1000, ..PRICE }, played.refund_id("part"));
        assert_eq!(gateway.find_refund(&reference, &refund).await, Ok(None), "{}", played.name);
        for _ in 0..2 {
            assert_eq!(
                gateway.refund(&reference, &refund, refund.as_str(), part).await,
                Ok(RefundState::Refunded),
                "{}",
                played.name
            );
        }
        assert_eq!(gateway.find_refund(&reference, &refund).await, Ok(Some(RefundState::Refunded)), "{}", played.name);
        assert_eq!(gateway.refunds(&reference).await.unwrap()[0].amount, Some(part), "{}", played.name);
        assert_eq!(gateway.taken(&reference).await, Ok(Some(PRICE)), "{}: whatever went back", played.name);
        assert_eq!(gateway.find_refund(&reference, &played.refund_id("other")).await, Ok(None), "{}", played.name);
        assert_eq!(gateway.read(&reference).await, Ok(PaymentState::Captured), "{}", played.name);
        assert_eq!(played.ledger().await, ["authorize 4599", "capture 4599", "refund 1000"], "{}", played.name);
        let listed = gateway.list(Timestamp::now() - SignedDuration::from_hours(1)).await.unwrap();
        let found: Vec<_> = listed.iter().map(|payment| (payment.reference.as_str(), payment.order_id.as_ref())).collect();
        assert_eq!(found, [(reference.as_str(), Some(&played.order_id))], "{}", played.name);
        assert_eq!(listed[0].state, PaymentState::Captured, "{}", played.name);
    }
}

#[tokio::test]
async fn an_error_that_was_saved_for_a_refunds_key_is_answered_until_another_key_comes() {
    for played in Played::each().await {
        let reference = played.captured().await;
        let refund = played.refund_id("refused");
        played.fault("refund", "error").await;
        for _ in 0..2 {
            let saved = played.gateway.refund(&reference, &refund, refund.as_str(), PRICE).await;
            assert!(matches!(saved, Err(PaymentError::Unknown { .. })), "{}: {saved:?}", played.name);
        }
        let other = played.gateway.refund(&reference, &refund, &new_key(), PRICE).await;
        assert_eq!(other, Ok(RefundState::Refunded), "{}", played.name);
        assert_eq!(played.gateway.find_refund(&reference, &refund).await, Ok(Some(RefundState::Refunded)), "{}", played.name);
    }
}

#[tokio::test]
async fn more_than_was_taken_cannot_go_back() {
    for played in Played::each().await {
        let reference = played.captured().await;
        let all = played.gateway.refund(&reference, &played.refund_id("all"), &new_key(), PRICE).await;
        assert_eq!(all, Ok(RefundState::Refunded), "{}", played.name);
        let more = played.gateway.refund(&reference, &played.refund_id("more"), &new_key(), PRICE).await;
        assert!(matches!(more, Ok(RefundState::Failed(_))), "{}: {more:?}", played.name);
        assert_eq!(played.ledger().await.len(), 3, "{}", played.name);
    }
}

#[tokio::test]
async fn a_method_that_is_refused_holds_nothing() {
    for played in Played::each().await {
        let reference = played.prepare().await;
        let state = played.authorize(&reference, played.declined).await;
        assert!(matches!(state, Ok(PaymentState::Declined(_))), "{}: {state:?}", played.name);
        assert_eq!(played.gateway.void(&reference).await, Ok(PaymentState::Voided), "{}", played.name);
        assert!(played.ledger().await.is_empty(), "{}", played.name);
        let unknown = played.prepare().await;
        let state = played.authorize(&unknown, "no_such_token").await;
        assert!(matches!(state, Ok(PaymentState::Declined(_))), "{}: {state:?}", played.name);
    }
}

#[tokio::test]
async fn a_hold_is_freed_once_and_cannot_be_taken_any_more() {
    for played in Played::each().await {
        let reference = played.authorized().await;
        for _ in 0..2 {
            assert_eq!(played.gateway.void(&reference).await, Ok(PaymentState::Voided), "{}", played.name);
        }
        assert_eq!(played.gateway.capture(&reference, PRICE).await, Ok(PaymentState::Voided), "{}", played.name);
        assert_eq!(played.ledger().await, ["authorize 4599", "void 4599"], "{}", played.name);
    }
}

#[tokio::test]
async fn what_was_never_authorised_is_cancelled_where_that_can_be_done_and_else_stands() {
    for played in Played::each().await {
        let reference = played.prepare().await;
        let expected = if played.name.cancels_unauthorized() { PaymentState::Voided } else { PaymentState::Prepared };
        assert_eq!(played.gateway.void(&reference).await, Ok(expected), "{}", played.name);
        assert!(played.ledger().await.is_empty(), "{}", played.name);
    }
}

#[tokio::test]
async fn a_customer_who_is_asked_for_answers_at_the_url_and_then_it_is_authorised() {
    for played in Played::each().await {
        let reference = played.prepare().await;
        assert!(played.gateway.action_url(&reference).await.unwrap().is_none(), "{}", played.name);
        assert_eq!(played.authorize(&reference, played.asks_her).await, Ok(PaymentState::ActionRequired), "{}", played.name);
        assert_eq!(played.gateway.read(&reference).await, Ok(PaymentState::ActionRequired), "{}", played.name);
        let url = played.gateway.action_url(&reference).await.unwrap().expect("a url");
        let yes = played.http.post(url.expose_secret()).form(&[("answer", "yes")]);
        yes.send().await.map(|_| ()).unwrap_or_default();
        let mut state = played.gateway.read(&reference).await.unwrap();
        if state == PaymentState::Prepared {
            state = played.authorize(&reference, played.asks_her).await.unwrap();
        }
        assert!(matches!(state, PaymentState::Authorized { .. }), "{}: {state:?}", played.name);
        assert!(played.gateway.action_url(&reference).await.unwrap().is_none(), "{}", played.name);
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_unknown_and_reading_tells() {
    for played in Played::each().await {
        for fault in ["lose_answer", "error_after"] {
            let gateway = &played.gateway;
            let reference = played.prepare().await;
            played.fault("authorize", fault).await;
            let lost = played.authorize(&reference, played.good).await;
            assert!(matches!(lost, Err(PaymentError::Unknown { outage: true, .. })), "{} {fault}: {lost:?}", played.name);
            let read = gateway.read(&reference).await.unwrap();
            assert!(matches!(read, PaymentState::Authorized { .. }), "{} {fault}: {read:?}", played.name);
            played.fault("capture", fault).await;
            assert_eq!(gateway.capture(&reference, PRICE).await, Ok(PaymentState::Captured), "{} {fault}", played.name);
            let refund = played.refund_id(fault);
            played.fault("refund", fault).await;
            let lost = gateway.refund(&reference, &refund, refund.as_str(), PRICE).await;
            assert!(matches!(lost, Err(PaymentError::Unknown { .. })), "{} {fault}: {lost:?}", played.name);
            assert_eq!(
                gateway.find_refund(&reference, &refund).await,
                Ok(Some(RefundState::Refunded)),
                "{} {fault}",
                played.name
            );
            let held = played.authorized().await;
            played.fault("void", fault).await;
            assert_eq!(gateway.void(&held).await, Ok(PaymentState::Voided), "{} {fault}", played.name);
            let preparation = Preparation { order_id: &played.order_id, attempt: 1, amount: PRICE, account: None };
            played.fault("prepare", fault).await;
            let prepared = gateway.prepare(&preparation).await;
            let is_right = match fault {
                // Its key gets the answer that was lost.
                "lose_answer" => prepared.is_ok(),
                _ => matches!(prepared, Err(PaymentError::Failed { outage: true, .. })),
            };
            assert!(is_right, "{} {fault}: {prepared:?}", played.name);
        }
        let once = ["authorize 4599", "capture 4599", "refund 4599", "authorize 4599", "void 4599"];
        assert_eq!(played.ledger().await, [once, once].concat(), "{}", played.name);
    }
}

#[tokio::test]
async fn a_provider_that_is_down_did_certainly_nothing_and_one_that_hangs_is_given_up_in_time() {
    let hasty = Limits { connect: Duration::from_millis(300), call: Duration::from_millis(700) };
    for played in [Played::stripe(hasty).await, Played::paypal(hasty).await] {
        let reference = played.authorized().await;
        let hang =
            json!({"provider": played.name.name(), "operation": "capture", "fault": "delay", "times": 1, "delay_ms": 5000});
        played.control(Method::PUT, "faults", hang).await;
        let begun = Instant::now();
        let silent = played.gateway.capture(&reference, PRICE).await;
        assert!(matches!(silent, Err(PaymentError::Unknown { outage: true, .. })), "{}: {silent:?}", played.name);
        assert!(begun.elapsed() < Duration::from_secs(2), "{}", played.name);
        let other = played.prepare().await;
        let refuse =
            json!({"provider": played.name.name(), "operation": "prepare", "fault": "refuse", "times": 1, "delay_ms": 0});
        played.control(Method::PUT, "faults", refuse).await;
        let down = played.authorize(&other, played.good).await;
        assert!(matches!(down, Err(PaymentError::Failed { outage: true, .. })), "{}: {down:?}", played.name);
    }
}

/// One webhook as it came.
async fn heard(listener: &TcpListener) -> (HeaderMap, Vec<u8>) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 8192];
        let read = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let pairs: HashMap<String, String> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let body = &bytes[end + 4..];
        if body.len() < pairs["content-length"].parse().unwrap() {
            continue;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
        let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).unwrap();
        let headers = pairs.iter().map(|(key, value)| (name(key), HeaderValue::from_str(value).unwrap())).collect();
        return (headers, body.to_vec());
    }
}

#[tokio::test]
async fn a_webhook_of_either_provider_is_taken_as_it_was_signed_and_in_no_other_way() {
    for played in Played::each().await {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/webhooks", listener.local_addr().unwrap());
        let target = match played.name {
            Provider::Stripe => json!({"provider": "stripe", "url": url, "secret": "whsec_new"}),
            Provider::Paypal => json!({"provider": "paypal", "url": url, "webhook_id": paypal_secret().webhook_id}),
        };
        played.control(Method::PUT, "webhooks", target).await;
        let root = played.http.get(format!("{}/paypal-root.pem", played.addresses.control_url)).send().await.unwrap();
        let stripe = StripeSecret {
            api_key: SecretString::from("sk_test_51"),
            webhook_secrets: vec!["whsec_old".into(), "whsec_new".into()],
        };
        let paypal_url = played.addresses.paypal_url.parse().unwrap();
        let webhooks = Webhooks::new(stripe, paypal_secret(), paypal_url, &root.text().await.unwrap(), LIMITS);

        let reference = played.authorized().await;
        let event = loop {
            let (headers, body) = heard(&listener).await;
            let taken = webhooks.receive(played.name, &headers, &body, Timestamp::now()).await.unwrap();
            let mut changed = body.clone();
            *changed.last_mut().unwrap() = b' ';
            let refused = webhooks.receive(played.name, &headers, &changed, Timestamp::now()).await;
            assert!(matches!(refused, Err(WebhookError::Rejected(_))), "{}: {refused:?}", played.name);
            if taken.kind.contains("capturable") || taken.kind.contains("AUTHORIZATION") {
                break taken;
            }
        };
        let expected = WebhookEvent {
            provider: played.name,
            id: event.id.clone(),
            kind: event.kind.clone(),
            reference: Some(reference),
            order_id: Some(played.order_id.clone()),
        };
        assert_eq!(event, expected);
    }
}

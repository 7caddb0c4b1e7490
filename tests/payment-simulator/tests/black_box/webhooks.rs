//! What the providers tell the shop by themselves.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, header::HeaderMap};
use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{net::TcpListener, time::sleep};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::{
    harness::Simulator,
    paypal::{PayPal, authorization, paid_from},
};

const SECRET: &str = "whsec_test";

/// One delivery, as it came.
#[derive(Clone, Debug)]
struct Delivery {
    headers: HeaderMap,
    raw: Bytes,
}

impl Delivery {
    fn event(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A shop that notes what it is told, and fails as often as it is told to.
#[derive(Clone, Default)]
struct Shop {
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    failures: Arc<Mutex<u32>>,
    url: String,
}

impl Shop {
    async fn open(failures: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let shop = Self { url, failures: Arc::new(Mutex::new(failures)), ..Self::default() };
        let router = Router::new().route("/webhook", post(take)).with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        shop
    }

    /// What came, once that is so much; whatever came, when it stays less.
    async fn told(&self, count: usize) -> Vec<Delivery> {
        let started = Instant::now();
        while self.deliveries.lock().unwrap().len() < count && started.elapsed() < Duration::from_secs(5) {
            sleep(Duration::from_millis(10)).await;
        }
        // For what is more than that.
        sleep(Duration::from_millis(100)).await;
        self.deliveries.lock().unwrap().clone()
    }

    async fn kinds(&self, count: usize, member: &str) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.told(count).await.iter().map(|delivery| delivery.event()[member].as_str().unwrap().into()).collect();
        kinds.sort();
        kinds
    }
}

async fn take(State(shop): State<Shop>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    shop.deliveries.lock().unwrap().push(Delivery { headers, raw });
    let mut failures = shop.failures.lock().unwrap();
    if *failures > 0 {
        *failures -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::NO_CONTENT
}

async fn tell_of_stripe(simulator: &Simulator, shop: &Shop) {
    let target = json!({"provider": "stripe", "url": shop.url, "secret": SECRET});
    let answer = simulator.control(Method::PUT, "webhooks", target).await;
    assert_eq!(
        (answer.status, answer.body),
        (200, json!([{"provider": "stripe", "url": shop.url, "events": null}])),
        "without the secret"
    );
}

async fn tell_of_paypal(simulator: &Simulator, shop: &Shop) {
    let target = json!({"provider": "paypal", "url": shop.url, "webhook_id": "WH-TEST"});
    assert_eq!(simulator.control(Method::PUT, "webhooks", target).await.status, 200);
}

#[tokio::test]
async fn every_change_of_a_payment_at_stripe_is_told() {
    let simulator = Simulator::start().await;
    let shop = Shop::open(0).await;
    tell_of_stripe(&simulator, &shop).await;
    let id = simulator.prepare("ord_1").await;
    simulator.confirm(&id, "pm_card_chargeDeclined").await;
    simulator.confirm(&id, "pm_card_authenticationRequired").await;
    simulator.confirm(&id, "pm_card_visa").await;
    simulator.act(&id, "capture").await;
    simulator.post("refunds", &[("payment_intent", &id)]).await;
    let cancelled = simulator.prepare("ord_2").await;
    simulator.act(&cancelled, "cancel").await;
    let expected = [
        "charge.refunded",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "refund.created",
    ];
    assert_eq!(shop.kinds(expected.len(), "type").await, expected);
}

#[tokio::test]
async fn an_address_is_told_of_the_types_that_it_names_alone() {
    let simulator = Simulator::start().await;
    let shop = Shop::open(0).await;
    let events = ["payment_intent.canceled", "refund.*", "charge"];
    let target = json!({"provider": "stripe", "url": shop.url, "secret": SECRET, "events": events});
    let answer = simulator.control(Method::PUT, "webhooks", target).await;
    assert_eq!(answer.body[0]["events"], json!(events));
    let id = simulator.prepare("ord_1").await;
    simulator.confirm(&id, "pm_card_visa").await;
    simulator.act(&id, "capture").await;
    simulator.post("refunds", &[("payment_intent", &id)]).await;
    let cancelled = simulator.prepare("ord_2").await;
    simulator.act(&cancelled, "cancel").await;
    assert_eq!(shop.kinds(2, "type").await, ["payment_intent.canceled", "refund.created"]);
    let all = simulator.control(Method::GET, "webhooks/events", Value::Null).await.body;
    assert!(all.as_array().unwrap().len() > 2, "the others are kept all the same");
    simulator.control(Method::PUT, "webhooks/replay", json!({"times": 1})).await;
    assert_eq!(shop.kinds(4, "type").await.len(), 4, "and are not sent at a replay either");
}

#[tokio::test]
async fn an_event_of_stripes_carries_the_object_as_it_was_and_its_signature() {
    let simulator = Simulator::start().await;
    let shop = Shop::open(0).await;
    tell_of_stripe(&simulator, &shop).await;
    simulator.advance(86_400).await;
    let id = simulator.prepare("ord_1").await;
    let told = shop.told(1).await.remove(0);
    let event = told.event();
    assert_eq!((&event["object"], &event["type"]), (&json!("event"), &json!("payment_intent.created")));
    assert_eq!(event["data"]["object"], simulator.get(&format!("payment_intents/{id}")).await.body);

    let signature = told.header("stripe-signature");
    let (time, digits) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(&told.raw);
    let expected = mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert_eq!(digits, expected);
    let ahead = time.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second();
    assert!((86_390..=86_400).contains(&ahead), "the simulator's clock: {ahead}");
}

#[tokio::test]
async fn what_happens_by_itself_is_told_too() {
    let simulator = Simulator::start().await;
    let shop = Shop::open(0).await;
    let (lapsing, failing) = (simulator.authorize("ord_1").await, simulator.prepare("ord_2").await);
    simulator.confirm(&failing, "pm_card_refundFail").await;
    simulator.act(&failing, "capture").await;
    simulator.post("refunds", &[("payment_intent", &failing)]).await;
    tell_of_stripe(&simulator, &shop).await;
    simulator.advance(7 * 86_400).await;
    assert_eq!(shop.kinds(3, "type").await, ["payment_intent.canceled", "refund.failed", "refund.updated"]);
    assert_eq!(simulator.status(&lapsing).await, "canceled");
}

#[tokio::test]
async fn every_change_of_a_payment_at_paypal_is_told() {
    let paypal = PayPal::start().await;
    let shop = Shop::open(0).await;
    tell_of_paypal(&paypal.simulator, &shop).await;
    let id = paypal.order("ord_1").await;
    let asked = paypal.post(&format!("v2/checkout/orders/{id}/authorize"), paid_from("vault_action")).await;
    paypal.simulator.press(&asked.link("payer-action").unwrap(), "yes").await;
    let held = paypal.authorize(&id, "vault_action").await;
    let taken = paypal.capture(authorization(&held)["id"].as_str().unwrap(), json!({})).await.text("id");
    paypal.refund(&taken, json!({})).await;
    let voided = paypal.held("ord_2").await;
    paypal.void(&voided).await;
    let failing = paypal.captured("ord_3", "vault_refund_fails").await;
    paypal.refund(&failing, json!({})).await;
    paypal.simulator.advance(1).await;
    let expected = [
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.AUTHORIZATION.CREATED",
        "PAYMENT.AUTHORIZATION.CREATED",
        "PAYMENT.AUTHORIZATION.CREATED",
        "PAYMENT.AUTHORIZATION.VOIDED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.REFUNDED",
        "PAYMENT.REFUND.FAILED",
        "PAYMENT.REFUND.PENDING",
    ];
    assert_eq!(shop.kinds(expected.len(), "event_type").await, expected);
}

#[tokio::test]
async fn an_event_of_paypals_can_be_verified_down_to_the_root() {
    let paypal = PayPal::start().await;
    let shop = Shop::open(0).await;
    tell_of_paypal(&paypal.simulator, &shop).await;
    paypal.held("ord_1").await;
    let told = shop.told(1).await.remove(0);
    assert_eq!(told.header("paypal-auth-algo"), "SHA256withRSA");
    let certificates = told.header("paypal-cert-url");
    assert!(certificates.starts_with(&format!("{}/v1/notifications/certs/CERT-", paypal.simulator.addresses.paypal_url)));
    let chain = reqwest::get(certificates).await.unwrap().bytes().await.unwrap();
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&chain).map(|certificate| certificate.unwrap()).collect();
    let root = reqwest::get(format!("{}/paypal-root.pem", paypal.simulator.addresses.control_url)).await.unwrap();
    let root = CertificateDer::from_pem_slice(&root.bytes().await.unwrap()).unwrap();

    let leaf = EndEntityCert::try_from(&chain[0]).unwrap();
    let (anchors, algorithms) = ([anchor_from_trusted_cert(&root).unwrap()], [webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256]);
    let usage = KeyUsage::server_auth();
    leaf.verify_for_usage(&algorithms, &anchors, &chain[1..], UnixTime::now(), usage, None, None).unwrap();
    leaf.verify_is_valid_for_subject_name(&"messageverificationcerts.paypal.com".try_into().unwrap()).unwrap();

    let signature = BASE64_STANDARD.decode(told.header("paypal-transmission-sig")).unwrap();
    let message = |body: &[u8]| {
        let (id, time) = (told.header("paypal-transmission-id"), told.header("paypal-transmission-time"));
        format!("{id}|{time}|WH-TEST|{}", crc32fast::hash(body))
    };
    leaf.verify_signature(algorithms[0], message(&told.raw).as_bytes(), &signature).unwrap();
    assert!(leaf.verify_signature(algorithms[0], message(b"{}").as_bytes(), &signature).is_err());
    assert_eq!(told.event()["resource"]["status"], json!("CREATED"));
    let other = certificates.replace("CERT-", "OTHER-");
    assert_eq!(reqwest::get(other).await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_event_is_sent_until_the_shop_takes_it() {
    let simulator = Simulator::start().await;
    let shop = Shop::open(2).await;
    tell_of_stripe(&simulator, &shop).await;
    simulator.prepare("ord_1").await;
    let told = shop.told(3).await;
    assert_eq!(told.len(), 3, "and no more after that");
    assert!(told.iter().all(|delivery| delivery.raw == told[0].raw), "the same event");
    let events = simulator.control(Method::GET, "webhooks/events", Value::Null).await.body;
    assert_eq!((&events[0]["attempts"], &events[0]["delivered"]), (&json!(3), &json!(1)));
}

#[tokio::test]
async fn past_events_can_be_sent_again_in_any_order() {
    let simulator = Simulator::start().await;
    let shop = Shop::open(0).await;
    simulator.authorize("ord_1").await;
    simulator.authorize("ord_2").await;
    tell_of_stripe(&simulator, &shop).await;
    assert_eq!(shop.told(0).await.len(), 0, "what was before is not sent by itself");
    let replay = json!({"times": 3, "shuffle": true, "order_id": "ord_2"});
    let answer = simulator.control(Method::PUT, "webhooks/replay", replay).await;
    assert_eq!((answer.status, &answer.body["deliveries"]), (200, &json!(6)));
    let told = shop.told(6).await;
    assert_eq!(told.len(), 6);
    assert!(told.iter().all(|delivery| delivery.event()["data"]["object"]["metadata"]["order_id"] == "ord_2"));
}

#[tokio::test]
async fn a_replay_keeps_the_order_unless_it_is_to_shuffle() {
    let simulator = Simulator::start().await;
    for _ in 0..30 {
        simulator.prepare("ord_1").await;
    }
    let ids = |deliveries: Vec<Delivery>| deliveries.iter().map(|delivery| delivery.event()["id"].clone()).collect::<Vec<_>>();
    let past = simulator.control(Method::GET, "webhooks/events", Value::Null).await.body;
    let past: Vec<_> = past.as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
    for shuffle in [false, true] {
        let shop = Shop::open(0).await;
        tell_of_stripe(&simulator, &shop).await;
        simulator.control(Method::PUT, "webhooks/replay", json!({"shuffle": shuffle})).await;
        let told = ids(shop.told(30).await);
        assert_eq!(told != past, shuffle);
        assert!(told.len() == 30 && past.iter().all(|id| told.contains(id)));
    }
}

#[tokio::test]
async fn a_reset_ends_what_is_still_being_sent() {
    let simulator = Simulator::start().await;
    let shop = Shop::open(u32::MAX).await;
    tell_of_stripe(&simulator, &shop).await;
    simulator.prepare("ord_1").await;
    shop.told(1).await;
    simulator.control(Method::PUT, "reset", Value::Null).await;
    let told = shop.told(0).await.len();
    sleep(Duration::from_millis(600)).await;
    assert_eq!(shop.told(0).await.len(), told);
}

#[tokio::test]
async fn all_events_are_kept_whether_anybody_listens_or_not() {
    let simulator = Simulator::start().await;
    simulator.authorize("ord_1").await;
    simulator.prepare("ord_2").await;
    let events = simulator.control(Method::GET, "webhooks/events?order_id=ord_1", Value::Null).await.body;
    let kinds: Vec<_> = events.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["payment_intent.created", "payment_intent.amount_capturable_updated"]);
    assert_eq!((&events[0]["provider"], &events[0]["attempts"]), (&json!("stripe"), &json!(0)));
    assert_eq!(events[0]["body"]["id"], events[0]["id"]);
    simulator.control(Method::PUT, "reset", Value::Null).await;
    assert_eq!(simulator.control(Method::GET, "webhooks/events", Value::Null).await.body, json!([]));
}

#[tokio::test]
async fn nobody_is_told_any_more_once_the_address_is_deleted_or_all_is_reset() {
    for (method, path) in [(Method::DELETE, "webhooks"), (Method::PUT, "reset")] {
        let simulator = Simulator::start().await;
        let shop = Shop::open(0).await;
        tell_of_stripe(&simulator, &shop).await;
        assert_eq!(simulator.control(method, path, Value::Null).await.status, 204);
        simulator.prepare("ord_1").await;
        assert_eq!(simulator.control(Method::GET, "webhooks", Value::Null).await.body, json!([]));
        assert_eq!(shop.told(0).await.len(), 0);
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_is_refused_with_the_field() {
    let simulator = Simulator::start().await;
    for (field, target) in [
        ("provider", json!({"url": "http://127.0.0.1/", "secret": "x"})),
        ("url", json!({"provider": "stripe", "secret": "x"})),
        ("url", json!({"provider": "stripe", "url": "ftp://127.0.0.1/", "secret": "x"})),
        ("secret", json!({"provider": "stripe", "url": "http://127.0.0.1/", "webhook_id": "x"})),
        ("webhook_id", json!({"provider": "paypal", "url": "http://127.0.0.1/", "secret": "x"})),
        ("events", json!({"provider": "stripe", "url": "http://127.0.0.1/", "secret": "x", "events": "all"})),
        ("colour", json!({"provider": "stripe", "url": "http://127.0.0.1/", "secret": "x", "colour": "red"})),
    ] {
        let refused = simulator.control(Method::PUT, "webhooks", target.clone()).await;
        assert_eq!(refused.error("field"), (400, field.into()), "{target}");
    }
    let replay = simulator.control(Method::PUT, "webhooks/replay", json!({"times": 101})).await;
    assert_eq!(replay.error("field"), (400, "times".into()));
}

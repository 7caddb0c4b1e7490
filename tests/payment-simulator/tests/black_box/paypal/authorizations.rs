//! What ends a hold.

use serde_json::{Value, json};

use super::PayPal;
use crate::harness::moved;

const DAY: i64 = 24 * 60 * 60;

/// The same PayPal with a new token: the old ones have ended.
async fn later(paypal: PayPal, days: i64) -> PayPal {
    paypal.simulator.advance(days * DAY).await;
    let granted = super::grant(&paypal.simulator, "simulator", "simulator-secret", "client_credentials").await;
    PayPal { token: granted.text("access_token"), ..paypal }
}

#[tokio::test]
async fn a_void_frees_what_is_held_and_cannot_be_repeated() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    assert_eq!(paypal.void(&id).await.text("status"), "VOIDED");
    assert_eq!(paypal.void(&id).await.issue(), (422, "PREVIOUSLY_VOIDED".into()));
    assert_eq!(paypal.capture(&id, json!({})).await.issue(), (422, "AUTHORIZATION_VOIDED".into()));
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599), ("void", 4599)]));
}

#[tokio::test]
async fn a_void_has_a_body_only_for_whom_prefers_one() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    let path = format!("v2/payments/authorizations/{id}/void");
    let request = paypal.request(reqwest::Method::POST, &path).header("PayPal-Request-Id", "v");
    let answer = paypal.simulator.send(request).await;
    assert_eq!((answer.status, answer.body), (204, Value::Null));
}

#[tokio::test]
async fn what_was_taken_is_not_voided_and_what_was_partly_taken_is_for_the_rest() {
    let paypal = PayPal::start().await;
    let taken = paypal.held("ord_1").await;
    paypal.capture(&taken, json!({})).await;
    assert_eq!(paypal.void(&taken).await.issue(), (422, "PREVIOUSLY_CAPTURED".into()));
    let partly = paypal.held("ord_2").await;
    paypal.capture(&partly, json!({"amount": super::usd("40.00")})).await;
    assert_eq!(paypal.void(&partly).await.text("status"), "VOIDED");
    let lines = [("authorize", 4599), ("capture", 4599), ("authorize", 4599), ("capture", 4000), ("void", 599)];
    assert_eq!(paypal.simulator.ledger().await, moved(&lines));
}

#[tokio::test]
async fn an_authorisation_expires_after_29_days() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    let held = paypal.authorization(&id).await;
    let time = |member: &str| held.text(member).parse::<jiff::Timestamp>().unwrap();
    assert_eq!(time("expiration_time").duration_since(time("create_time")).as_hours(), 29 * 24);
    let paypal = later(paypal, 28).await;
    assert_eq!(paypal.authorization(&id).await.text("status"), "CREATED");
    let paypal = later(paypal, 1).await;
    assert_eq!(paypal.authorization(&id).await.text("status"), "VOIDED");
    assert_eq!(paypal.capture(&id, json!({})).await.issue(), (422, "AUTHORIZATION_EXPIRED".into()));
    assert_eq!(paypal.void(&id).await.issue(), (422, "PREVIOUSLY_VOIDED".into()));
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599), ("void", 4599)]));
    let events = paypal.simulator.control(reqwest::Method::GET, "webhooks/events", Value::Null).await.body;
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!((&last["type"], &last["order_id"]), (&json!("PAYMENT.AUTHORIZATION.VOIDED"), &json!("ord_1")));
}

#[tokio::test]
async fn what_was_taken_in_time_does_not_expire() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    paypal.capture(&id, json!({})).await;
    let paypal = later(paypal, 30).await;
    assert_eq!(paypal.authorization(&id).await.text("status"), "CAPTURED");
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn an_authorisation_that_does_not_exist_is_not_found() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    for id in ["NOSUCHTHING", &order] {
        assert_eq!(paypal.authorization(id).await.issue(), (404, "INVALID_RESOURCE_ID".into()));
        assert_eq!(paypal.capture(id, json!({})).await.status, 404);
        assert_eq!(paypal.void(id).await.status, 404);
    }
}

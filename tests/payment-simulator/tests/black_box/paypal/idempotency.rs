//! `PayPal-Request-Id`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{PayPal, grant, new_order, paid_from, usd};
use crate::harness::moved;

#[tokio::test]
async fn every_post_needs_a_request_id_that_is_not_too_long() {
    let paypal = PayPal::start().await;
    let bare = paypal.request(Method::POST, "v2/checkout/orders").json(&new_order("ord_1"));
    assert_eq!(paypal.simulator.send(bare).await.issue(), (400, "PAYPAL_REQUEST_ID_REQUIRED".into()));
    let long = "x".repeat(109);
    let post = async |id: &str| paypal.post_with_id("v2/checkout/orders", id, &new_order("ord_1")).await;
    assert_eq!(post(&long).await.issue(), (400, "INVALID_STRING_LENGTH".into()));
    assert_eq!(post(&long[1..]).await.status, 201);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_moves_nothing() {
    let paypal = PayPal::start().await;
    let path = "v2/checkout/orders";
    let first = paypal.post_with_id(path, "one", &new_order("ord_1")).await;
    let again = paypal.post_with_id(path, "one", &new_order("ord_1")).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
    let path = format!("{path}/{}/authorize", first.text("id"));
    let first = paypal.post_with_id(&path, "two", &paid_from("vault_ok")).await;
    let again = paypal.post_with_id(&path, "two", &paid_from("vault_ok")).await;
    assert_eq!((first.status, again.status, first.body), (201, 200, again.body));
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599)]));
}

#[tokio::test]
async fn refusals_and_failures_that_were_executed_are_kept_too() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    let path = format!("v2/checkout/orders/{id}/authorize");
    let declined = paypal.post_with_id(&path, "declined", &paid_from("vault_instrument_declined")).await;
    assert_eq!(declined.status, 422);
    paypal.authorize(&id, "vault_ok").await;
    let again = paypal.post_with_id(&path, "declined", &paid_from("vault_instrument_declined")).await;
    assert_eq!(declined.body, again.body);

    let fault = json!({"provider": "paypal", "operation": "prepare", "fault": "error"});
    paypal.simulator.control(Method::PUT, "faults", fault).await;
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "broken", &new_order("ord_2")).await.status, 500);
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "broken", &new_order("ord_2")).await.status, 500);
}

#[tokio::test]
async fn what_was_never_executed_leaves_the_request_id_free() {
    let paypal = PayPal::start().await;
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "k", &json!({})).await.status, 400);
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_1")).await.status, 201);
}

#[tokio::test]
async fn a_request_id_stands_for_one_request() {
    let paypal = PayPal::start().await;
    let made = paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_1")).await;
    let other = paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_2")).await;
    assert_eq!(other.issue(), (422, "PAYPAL_REQUEST_ID_PREVIOUSLY_USED".into()));
    let elsewhere = format!("v2/checkout/orders/{}/authorize", made.text("id"));
    assert_eq!(paypal.post_with_id(&elsewhere, "k", &paid_from("vault_ok")).await.status, 422);
    let shuffled = json!({"purchase_units": [{"custom_id": "ord_1", "amount": usd("45.99")}], "intent": "AUTHORIZE"});
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "k", &shuffled).await.status, 200, "compared as JSON");
}

#[tokio::test]
async fn a_request_id_in_flight_is_a_conflict() {
    let paypal = PayPal::start().await;
    let fault = json!({"provider": "paypal", "operation": "prepare", "fault": "delay", "delay_ms": 400});
    paypal.simulator.control(Method::PUT, "faults", fault).await;
    let first = tokio::spawn(paypal.posting("v2/checkout/orders", "k", &new_order("ord_1")).send());
    tokio::time::sleep(Duration::from_millis(150)).await;
    let second = paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_1")).await;
    assert_eq!(second.issue(), (409, "PREVIOUS_REQUEST_IN_PROGRESS".into()));
    assert_eq!(first.await.unwrap().unwrap().status(), 201);
}

#[tokio::test]
async fn request_ids_are_forgotten_after_six_hours_for_orders_and_45_days_for_payments() {
    let paypal = PayPal::start().await;
    let authorization = paypal.held("ord_1").await;
    let capture = format!("v2/payments/authorizations/{authorization}/capture");
    let part = json!({"amount": usd("1.00")});
    let order = paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_2")).await.text("id");
    let taken = paypal.post_with_id(&capture, "k", &part).await.text("id");

    paypal.simulator.advance(6 * 60 * 60 - 10).await;
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_2")).await.text("id"), order);
    paypal.simulator.advance(10).await;
    assert_ne!(paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_2")).await.text("id"), order);
    assert_eq!(paypal.post_with_id(&capture, "k", &part).await.text("id"), taken);

    paypal.simulator.advance((45 * 24 - 6) * 60 * 60).await;
    let granted = grant(&paypal.simulator, "simulator", "simulator-secret", "client_credentials").await;
    let paypal = PayPal { token: granted.text("access_token"), ..paypal };
    let forgotten = paypal.post_with_id(&capture, "k", &part).await;
    assert_eq!(forgotten.issue(), (422, "AUTHORIZATION_EXPIRED".into()), "executed anew");
}

#[tokio::test]
async fn the_ledger_names_the_request_id() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    paypal.post_with_id(&format!("v2/checkout/orders/{id}/authorize"), "ord_1:authorize", &paid_from("vault_ok")).await;
    let lines = paypal.simulator.control(Method::GET, "ledger?order_id=ord_1", Value::Null).await.body;
    let mut line = lines[0].clone();
    line.as_object_mut().unwrap().remove("at");
    let expected = json!({
        "provider": "paypal", "operation": "authorize", "order_id": "ord_1", "amount": 4599, "currency": "USD",
        "idempotency_key": "ord_1:authorize",
    });
    assert_eq!(line, expected);
}

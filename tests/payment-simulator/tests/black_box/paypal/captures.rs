//! Taking what is held.

use serde_json::{Value, json};

use super::{PayPal, usd};
use crate::harness::moved;

#[tokio::test]
async fn a_capture_takes_all_that_is_held_once() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    let taken = paypal.capture(&id, json!({"final_capture": true, "note_to_payer": "Thank you"})).await;
    assert_eq!((taken.status, taken.text("status")), (201, "COMPLETED".into()));
    assert_eq!((&taken.body["amount"], &taken.body["custom_id"]), (&usd("45.99"), &json!("ord_1")));
    assert_eq!(taken.body["supplementary_data"]["related_ids"]["authorization_id"], json!(id));
    let read = paypal.get(&format!("v2/payments/captures/{}", taken.text("id"))).await;
    assert_eq!((read.status, read.body), (200, taken.body));
    assert_eq!(paypal.authorization(&id).await.text("status"), "CAPTURED");
    assert_eq!(paypal.capture(&id, json!({})).await.issue(), (422, "AUTHORIZATION_ALREADY_CAPTURED".into()));
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn a_hold_can_be_taken_in_parts_and_never_more_than_it_is() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    paypal.capture(&id, json!({"amount": usd("10.00")})).await;
    assert_eq!(paypal.authorization(&id).await.text("status"), "PARTIALLY_CAPTURED");
    let too_much = paypal.capture(&id, json!({"amount": usd("36.00")})).await;
    assert_eq!(too_much.issue(), (422, "MAX_CAPTURE_AMOUNT_EXCEEDED".into()));
    assert_eq!(paypal.capture(&id, json!({})).await.body["amount"], usd("35.99"), "all that is left");
    assert_eq!(paypal.authorization(&id).await.text("status"), "CAPTURED");
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 1000), ("capture", 3599)]));
}

#[tokio::test]
async fn after_a_final_capture_there_is_no_other() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    paypal.capture(&id, json!({"amount": usd("10.00"), "final_capture": true})).await;
    assert_eq!(paypal.capture(&id, json!({})).await.issue(), (422, "AUTHORIZATION_ALREADY_CAPTURED".into()));
    assert_eq!(paypal.void(&id).await.issue(), (422, "PREVIOUSLY_CAPTURED".into()));
}

#[tokio::test]
async fn a_capture_is_of_the_holds_own_currency() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    let euros = json!({"amount": {"currency_code": "EUR", "value": "1.00"}});
    assert_eq!(paypal.capture(&id, euros).await.issue(), (422, "AUTH_CAPTURE_CURRENCY_MISMATCH".into()));
}

#[tokio::test]
async fn an_order_shows_what_became_of_it() {
    let paypal = PayPal::start().await;
    let order = paypal.order("ord_1").await;
    let done = paypal.authorize(&order, "vault_ok").await;
    let authorization = super::authorization(&done)["id"].as_str().unwrap();
    let one = paypal.capture(authorization, json!({"amount": usd("10.00")})).await.text("id");
    let two = paypal.capture(authorization, json!({})).await.text("id");
    let refund = paypal.refund(&two, json!({"amount": usd("5.99")})).await.text("id");
    let read = paypal.get(&format!("v2/checkout/orders/{order}")).await.body;
    let payments = &read["purchase_units"][0]["payments"];
    let ids =
        |name: &str| -> Vec<Value> { payments[name].as_array().unwrap().iter().map(|payment| payment["id"].clone()).collect() };
    assert_eq!(ids("authorizations"), [json!(authorization)]);
    assert_eq!(ids("captures"), [json!(one), json!(two)]);
    assert_eq!(ids("refunds"), [json!(refund)]);
    assert_eq!(payments["captures"][1]["status"], json!("PARTIALLY_REFUNDED"));
}

//! Orders, and what comes of authorising them.

use serde_json::{Value, json};

use super::{PayPal, authorization, new_order, paid_from};
use crate::harness::{Answer, moved};

fn status(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("status"))
}

#[tokio::test]
async fn a_new_order_moves_no_money_and_has_paypals_shape() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    let order = paypal.get(&format!("v2/checkout/orders/{id}")).await;
    assert_eq!(status(&order), (200, "CREATED".into()));
    assert_eq!(order.text("intent"), "AUTHORIZE");
    let unit = &order.body["purchase_units"][0];
    assert_eq!(unit["amount"], json!({"currency_code": "USD", "value": "45.99"}));
    assert_eq!((&unit["custom_id"], &unit["reference_id"]), (&json!("ord_1"), &json!("default")));
    assert_eq!(unit["payments"], Value::Null);
    assert!(id.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit()));
    assert!(order.link("authorize").unwrap().ends_with(&format!("/v2/checkout/orders/{id}/authorize")));
    assert_eq!(paypal.simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn an_authorised_order_is_complete_and_holds_the_money() {
    let paypal = PayPal::start().await;
    for token in ["vault_ok", "vault_of_amina", "vault_refund_fails"] {
        let id = paypal.order("ord_1").await;
        let done = paypal.authorize(&id, token).await;
        assert_eq!(status(&done), (201, "COMPLETED".into()), "{token}");
        assert_eq!(authorization(&done)["status"], json!("CREATED"));
        assert_eq!(authorization(&done)["custom_id"], json!("ord_1"));
        assert_eq!(paypal.get(&format!("v2/checkout/orders/{id}")).await.body, done.body);
    }
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599); 3]));
}

#[tokio::test]
async fn a_denied_authorisation_ends_the_order_and_says_why() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    let denied = paypal.authorize(&id, "vault_declined").await;
    assert_eq!(status(&denied), (201, "COMPLETED".into()));
    assert_eq!(authorization(&denied)["status"], json!("DENIED"));
    assert_eq!(authorization(&denied)["processor_response"]["response_code"], json!("5120"));
    assert_eq!(paypal.authorize(&id, "vault_ok").await.issue(), (422, "ORDER_ALREADY_AUTHORIZED".into()));
    let denied = authorization(&denied)["id"].as_str().unwrap();
    assert_eq!(paypal.capture(denied, json!({})).await.issue(), (422, "AUTHORIZATION_DENIED".into()));
    assert_eq!(paypal.void(denied).await.issue(), (422, "CANNOT_BE_VOIDED".into()));
    assert_eq!(paypal.simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn a_declined_instrument_leaves_the_order_for_another() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    let declined = paypal.authorize(&id, "vault_instrument_declined").await;
    assert_eq!(declined.issue(), (422, "INSTRUMENT_DECLINED".into()));
    assert_eq!(declined.text("name"), "UNPROCESSABLE_ENTITY");
    assert!(declined.link("payer-action").unwrap().contains(&id));
    assert_eq!(paypal.get(&format!("v2/checkout/orders/{id}")).await.text("status"), "CREATED");
    assert_eq!(paypal.authorize(&id, "vault_ok").await.text("status"), "COMPLETED");
}

#[tokio::test]
async fn an_order_is_authorised_once() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    paypal.authorize(&id, "vault_ok").await;
    assert_eq!(paypal.authorize(&id, "vault_ok").await.issue(), (422, "ORDER_ALREADY_AUTHORIZED".into()));
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599)]));
}

#[tokio::test]
async fn a_pending_authorisation_holds_nothing_until_paypal_has_looked_into_it() {
    let paypal = PayPal::start().await;
    let id = paypal.held_on("ord_1", "vault_pending").await;
    let pending = paypal.authorization(&id).await;
    assert_eq!(pending.text("status"), "PENDING");
    assert_eq!(pending.body["status_details"]["reason"], json!("PENDING_REVIEW"));
    assert_eq!(paypal.capture(&id, json!({})).await.issue(), (422, "TRANSACTION_REFUSED".into()));
    assert_eq!(paypal.simulator.ledger().await, moved(&[]));

    let given_up = paypal.held_on("ord_2", "vault_pending").await;
    assert_eq!(paypal.void(&given_up).await.text("status"), "VOIDED");
    // A token ends before a day is over.
    paypal.simulator.advance(24 * 60 * 60).await;
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599)]), "of the one that was not given up");
}

#[tokio::test]
async fn an_order_that_nobody_authorises_is_gone_after_three_hours() {
    let paypal = PayPal::start().await;
    let (forgotten, authorised) = (paypal.order("ord_1").await, paypal.order("ord_2").await);
    paypal.authorize(&authorised, "vault_ok").await;
    paypal.simulator.advance(3 * 60 * 60 - 10).await;
    assert_eq!(paypal.get(&format!("v2/checkout/orders/{forgotten}")).await.status, 200);
    paypal.simulator.advance(10).await;
    let gone = paypal.get(&format!("v2/checkout/orders/{forgotten}")).await;
    assert_eq!((gone.status, gone.text("name")), (404, "RESOURCE_NOT_FOUND".into()));
    assert_eq!(paypal.authorize(&forgotten, "vault_ok").await.status, 404);
    assert_eq!(paypal.get(&format!("v2/checkout/orders/{authorised}")).await.text("status"), "COMPLETED");
}

#[tokio::test]
async fn an_order_cannot_be_cancelled_or_authorised_from_nothing() {
    let paypal = PayPal::start().await;
    let id = paypal.order("ord_1").await;
    assert_eq!(paypal.post(&format!("v2/checkout/orders/{id}/cancel"), json!({})).await.status, 404);
    let nobody = paypal.post(&format!("v2/checkout/orders/{id}/authorize"), json!({})).await;
    assert_eq!(nobody.issue(), (422, "ORDER_NOT_APPROVED".into()));
    let unknown = paypal.authorize(&id, "vault_nonsense").await;
    assert_eq!(unknown.issue(), (422, "TOKEN_ID_NOT_FOUND".into()));
    assert_eq!(unknown.body["details"][0]["field"], json!("/payment_source/paypal/vault_id"));
    assert_eq!(paypal.authorize("NOSUCHORDER", "vault_ok").await.issue(), (404, "INVALID_RESOURCE_ID".into()));
    assert_eq!(paypal.simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn a_caller_gets_the_whole_object_only_when_it_prefers_that() {
    let paypal = PayPal::start().await;
    let path = "v2/checkout/orders";
    let post = async |path: &str, id: &str, prefer: &str, body: &Value| {
        let request = paypal.request(reqwest::Method::POST, path).header("PayPal-Request-Id", id);
        paypal.simulator.send(request.header("Prefer", prefer).json(body)).await
    };
    for prefer in ["return=minimal", "respond-async"] {
        let made = post(path, prefer, prefer, &new_order("ord_1")).await;
        let members: Vec<_> = made.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["id", "links", "status"], "{prefer}");
    }
    let whole = post(path, "whole", "return=representation", &new_order("ord_1")).await;
    assert!(whole.body["purchase_units"].is_array());
    let id = whole.text("id");
    let done = post(&format!("{path}/{id}/authorize"), "a", "return=minimal", &paid_from("vault_ok")).await;
    assert_eq!((status(&done), &done.body["purchase_units"]), ((201, "COMPLETED".into()), &Value::Null));
}

//! What can be made to go wrong with PayPal.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PayPal, authorization, new_order};
use crate::harness::moved;

async fn fault(paypal: &PayPal, operation: &str, fault: &str, order_id: Value) {
    let fault = json!({"provider": "paypal", "operation": operation, "fault": fault, "times": 1, "order_id": order_id});
    let answer = paypal.simulator.control(Method::PUT, "faults", fault).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_decline_denies_a_good_account() {
    let paypal = PayPal::start().await;
    fault(&paypal, "authorize", "decline", Value::Null).await;
    let id = paypal.order("ord_1").await;
    let denied = paypal.authorize(&id, "vault_ok").await;
    assert_eq!((denied.status, &authorization(&denied)["status"]), (201, &json!("DENIED")));
}

#[tokio::test]
async fn an_error_has_no_effect_and_an_error_after_has_one() {
    let paypal = PayPal::start().await;
    let id = paypal.held("ord_1").await;
    fault(&paypal, "capture", "error", Value::Null).await;
    let failed = paypal.capture(&id, json!({})).await;
    assert_eq!((failed.status, failed.text("name")), (500, "INTERNAL_SERVER_ERROR".into()));
    assert_eq!(paypal.authorization(&id).await.text("status"), "CREATED");
    fault(&paypal, "capture", "error_after", Value::Null).await;
    assert_eq!(paypal.capture(&id, json!({})).await.status, 500);
    assert_eq!(paypal.authorization(&id).await.text("status"), "CAPTURED");
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn a_lost_answer_took_effect_and_is_kept_for_the_repeat() {
    let paypal = PayPal::start().await;
    fault(&paypal, "prepare", "lose_answer", Value::Null).await;
    assert!(paypal.posting("v2/checkout/orders", "k", &new_order("ord_1")).send().await.is_err());
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_1")).await.status, 200);
}

#[tokio::test]
async fn each_operation_of_one_order_can_be_struck() {
    let paypal = PayPal::start().await;
    let spared = paypal.held("ord_1").await;
    for operation in ["prepare", "authorize", "capture", "void", "refund", "read"] {
        fault(&paypal, operation, "error", json!("ord_2")).await;
    }
    assert_eq!(paypal.authorization(&spared).await.status, 200);
    assert_eq!(paypal.capture(&spared, json!({"amount": super::usd("1.00")})).await.status, 201);

    let statuses = async |paypal: &PayPal| {
        let prepared = paypal.post("v2/checkout/orders", new_order("ord_2")).await.status;
        let id = paypal.order("ord_2").await;
        let refused = paypal.authorize(&id, "vault_ok").await.status;
        let held = paypal.authorize(&id, "vault_ok").await;
        let held = authorization(&held)["id"].as_str().unwrap().to_owned();
        let (void, read) = (paypal.void(&held).await.status, paypal.authorization(&held).await.status);
        let capture = paypal.capture(&held, json!({})).await.status;
        let taken = paypal.capture(&held, json!({})).await.text("id");
        let refund = paypal.refund(&taken, json!({})).await.status;
        [prepared, refused, void, read, capture, refund]
    };
    assert_eq!(statuses(&paypal).await, [500; 6]);
}

#[tokio::test]
async fn one_providers_port_is_refused_and_the_other_answers() {
    let paypal = PayPal::start().await;
    paypal.simulator.control(Method::PUT, "faults", json!({"provider": "paypal", "fault": "refuse"})).await;
    let refused = reqwest::Client::new().get(&paypal.simulator.addresses.paypal_url).send().await;
    assert!(refused.is_err_and(|error| error.is_connect()));
    assert_eq!(paypal.simulator.get("payment_intents").await.status, 200);
    paypal.simulator.control(Method::DELETE, "faults", Value::Null).await;
    assert_eq!(reqwest::get(&paypal.simulator.addresses.paypal_url).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_reset_forgets_orders_request_ids_and_tokens() {
    let paypal = PayPal::start().await;
    let id = paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_1")).await.text("id");
    paypal.simulator.control(Method::PUT, "reset", Value::Null).await;
    assert_eq!(paypal.get(&format!("v2/checkout/orders/{id}")).await.status, 401);
    let granted = super::grant(&paypal.simulator, "simulator", "simulator-secret", "client_credentials").await;
    let paypal = PayPal { token: granted.text("access_token"), ..paypal };
    assert_eq!(paypal.get(&format!("v2/checkout/orders/{id}")).await.status, 404);
    assert_eq!(paypal.post_with_id("v2/checkout/orders", "k", &new_order("ord_2")).await.status, 201);
}

//! Giving back what was taken.

use std::time::Duration;

use serde_json::json;

use super::{PayPal, usd};
use crate::harness::moved;

#[tokio::test]
async fn refunds_give_back_no_more_than_was_taken() {
    let paypal = PayPal::start().await;
    let id = paypal.captured("ord_1", "vault_ok").await;
    let body = json!({"amount": usd("5.99"), "custom_id": "ref_1", "invoice_id": "inv_1", "note_to_payer": "Sorry"});
    let part = paypal.refund(&id, body).await;
    assert_eq!((part.status, part.text("status")), (201, "COMPLETED".into()));
    assert_eq!((part.text("custom_id"), part.text("invoice_id")), ("ref_1".into(), "inv_1".into()));
    assert_eq!(paypal.get(&format!("v2/payments/refunds/{}", part.text("id"))).await.body, part.body);
    assert_eq!(paypal.get(&format!("v2/payments/captures/{id}")).await.text("status"), "PARTIALLY_REFUNDED");

    let too_much = paypal.refund(&id, json!({"amount": usd("40.01")})).await;
    assert_eq!(too_much.issue(), (422, "REFUND_AMOUNT_EXCEEDED".into()));
    let euros = json!({"amount": {"currency_code": "EUR", "value": "1.00"}});
    assert_eq!(paypal.refund(&id, euros).await.issue(), (422, "REFUND_CAPTURE_CURRENCY_MISMATCH".into()));
    assert_eq!(paypal.refund(&id, json!({})).await.body["amount"], usd("40.00"), "all that is left");
    assert_eq!(paypal.get(&format!("v2/payments/captures/{id}")).await.text("status"), "REFUNDED");
    assert_eq!(paypal.refund(&id, json!({})).await.issue(), (422, "CAPTURE_FULLY_REFUNDED".into()));
    let lines = [("authorize", 4599), ("capture", 4599), ("refund", 599), ("refund", 4000)];
    assert_eq!(paypal.simulator.ledger().await, moved(&lines));
}

#[tokio::test]
async fn a_refund_can_fail_after_it_was_taken_on() {
    let paypal = PayPal::start().await;
    let id = paypal.captured("ord_1", "vault_refund_fails").await;
    let refund = paypal.refund(&id, json!({})).await;
    assert_eq!(refund.text("status"), "PENDING");
    let path = format!("v2/payments/refunds/{}", refund.text("id"));
    tokio::time::sleep(Duration::from_millis(1300)).await;
    assert_eq!(paypal.get(&path).await.text("status"), "FAILED");
    assert_eq!(paypal.get(&format!("v2/payments/captures/{id}")).await.text("status"), "COMPLETED");
    assert_eq!(paypal.simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn a_capture_or_refund_that_does_not_exist_is_not_found() {
    let paypal = PayPal::start().await;
    let authorization = paypal.held("ord_1").await;
    for id in ["NOSUCHTHING", &authorization] {
        assert_eq!(paypal.refund(id, json!({})).await.issue(), (404, "INVALID_RESOURCE_ID".into()));
        assert_eq!(paypal.get(&format!("v2/payments/captures/{id}")).await.status, 404);
        assert_eq!(paypal.get(&format!("v2/payments/refunds/{id}")).await.status, 404);
    }
}

//! Refunds, and what becomes of them.

use serde_json::{Value, json};

use crate::harness::{Answer, Simulator, moved};

async fn captured(simulator: &Simulator, order_id: &str, token: &str) -> String {
    let id = simulator.prepare(order_id).await;
    simulator.confirm(&id, token).await;
    assert_eq!(simulator.act(&id, "capture").await.text("status"), "succeeded");
    id
}

async fn refund(simulator: &Simulator, id: &str, amount: &str) -> Answer {
    simulator.post("refunds", &[("payment_intent", id), ("amount", amount)]).await
}

#[tokio::test]
async fn refunds_can_be_read_and_are_listed_newest_first() {
    let simulator = Simulator::start().await;
    let (one, two) = (captured(&simulator, "ord_1", "pm_card_visa").await, captured(&simulator, "ord_2", "pm_card_visa").await);
    let first = refund(&simulator, &one, "100").await;
    let other = refund(&simulator, &two, "300").await.text("id");
    let second = refund(&simulator, &one, "200").await.text("id");
    let read = simulator.get(&format!("refunds/{}", first.text("id"))).await;
    assert_eq!((read.status, read.body), (200, first.body.clone()));

    let list = async |query: &str| simulator.get(&format!("refunds?{query}")).await.body;
    let ids =
        |page: &Value| -> Vec<Value> { page["data"].as_array().unwrap().iter().map(|refund| refund["id"].clone()).collect() };
    let of_one = list(&format!("payment_intent={one}")).await;
    assert_eq!(ids(&of_one), [json!(second), first.body["id"].clone()]);
    assert_eq!((&of_one["url"], &of_one["has_more"]), (&json!("/v1/refunds"), &json!(false)));
    let page = list(&format!("payment_intent={one}&limit=1")).await;
    assert_eq!((ids(&page), &page["has_more"]), (vec![json!(second)], &json!(true)));
    assert_eq!(ids(&list(&format!("starting_after={second}")).await), [json!(other), first.body["id"].clone()]);
    assert_eq!(simulator.get("refunds/re_x").await.error("code"), (404, "resource_missing".into()));
    assert_eq!(simulator.get("refunds?payment_intent=pi_x").await.error("code"), (400, "resource_missing".into()));
}

#[tokio::test]
async fn a_refund_can_fail_after_it_seemed_to_succeed() {
    let simulator = Simulator::start().await;
    let id = captured(&simulator, "ord_1", "pm_card_refundFail").await;
    let made = refund(&simulator, &id, "4599").await;
    assert_eq!((made.text("status"), &made.body["failure_reason"]), ("succeeded".into(), &Value::Null));
    simulator.advance(1).await;
    let failed = simulator.get(&format!("refunds/{}", made.text("id"))).await;
    assert_eq!((failed.text("status"), failed.text("failure_reason")), ("failed".into(), "unknown".into()));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]), "nothing reached the customer");
    assert_eq!(refund(&simulator, &id, "4599").await.status, 200, "the money is the shop's again");
}

#[tokio::test]
async fn a_refund_can_be_pending_first() {
    let simulator = Simulator::start().await;
    let id = captured(&simulator, "ord_1", "pm_card_pendingRefund").await;
    let made = refund(&simulator, &id, "599").await;
    assert_eq!(made.text("status"), "pending");
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
    simulator.advance(1).await;
    assert_eq!(simulator.get(&format!("refunds/{}", made.text("id"))).await.text("status"), "succeeded");
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599), ("refund", 599)]));
}

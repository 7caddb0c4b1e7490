//! The control API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Simulator, VISA, moved};

#[tokio::test]
async fn a_line_of_the_ledger_says_who_what_and_how_much() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    simulator.post_with_key(&format!("payment_intents/{id}/confirm"), "k", VISA).await;
    let lines = simulator.control(Method::GET, "ledger", Value::Null).await.body;
    let mut line = lines[0].clone();
    let at = line.as_object_mut().unwrap().remove("at").unwrap();
    let expected = json!({
        "provider": "stripe", "operation": "authorize", "order_id": "ord_1", "amount": 4599, "currency": "USD",
        "idempotency_key": "k",
    });
    assert_eq!(line, expected);
    assert!(at.as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn the_ledger_can_be_asked_about_one_order() {
    let simulator = Simulator::start().await;
    simulator.authorize("ord_1").await;
    simulator.authorize("ord_2").await;
    let lines = simulator.control(Method::GET, "ledger?order_id=ord_2", Value::Null).await.body;
    assert_eq!((lines.as_array().unwrap().len(), &lines[0]["order_id"]), (1, &json!("ord_2")));
    let unknown = simulator.control(Method::GET, "ledger?order=ord_2", Value::Null).await;
    assert_eq!(unknown.error("field"), (400, "order".into()));
}

#[tokio::test]
async fn the_standing_faults_are_listed_with_what_is_left_of_them() {
    let simulator = Simulator::start().await;
    let fault = json!({"provider": "stripe", "operation": "prepare", "fault": "delay", "times": 3, "delay_ms": 1});
    simulator.control(Method::PUT, "faults", fault).await;
    simulator.prepare("ord_1").await;
    let standing = simulator.control(Method::GET, "faults", Value::Null).await.body;
    let left =
        json!([{"provider": "stripe", "operation": "prepare", "fault": "delay", "times": 2, "delay_ms": 1, "order_id": null}]);
    assert_eq!(standing, left);
    simulator.control(Method::DELETE, "faults", Value::Null).await;
    assert_eq!(simulator.control(Method::GET, "faults", Value::Null).await.body, json!([]));
}

#[tokio::test]
async fn a_fault_that_cannot_be_is_refused_with_the_field_and_what_is_allowed() {
    let simulator = Simulator::start().await;
    let good = json!({"provider": "stripe", "operation": "authorize", "fault": "error", "times": 1});
    for (field, value, allowed) in [
        ("provider", json!("cash"), "stripe"),
        ("provider", Value::Null, "missing"),
        ("operation", json!("steal"), "authorize"),
        ("operation", Value::Null, "missing"),
        ("fault", json!("explode"), "lose_answer"),
        ("times", json!(0), "1 or more"),
        ("times", json!("many"), "u64"),
        ("delay_ms", json!(-1), "u64"),
        ("order_id", json!(7), "string"),
        ("colour", json!("red"), "delay_ms"),
    ] {
        let mut fault = good.clone();
        fault[field] = value;
        let refused = simulator.control(Method::PUT, "faults", fault).await;
        assert_eq!(refused.error("field"), (400, field.into()));
        assert!(refused.error("message").1.contains(allowed), "{refused:?}");
    }
    assert_eq!(simulator.control(Method::PUT, "faults", json!([])).await.error("field"), (400, "body".into()));
    assert_eq!(simulator.control(Method::GET, "faults", Value::Null).await.body, json!([]));
}

#[tokio::test]
async fn a_fault_must_fit_its_operation() {
    let simulator = Simulator::start().await;
    let decline = json!({"provider": "stripe", "operation": "capture", "fault": "decline"});
    assert_eq!(simulator.control(Method::PUT, "faults", decline).await.error("field"), (400, "operation".into()));
    let delay = json!({"provider": "stripe", "operation": "capture", "fault": "delay"});
    assert_eq!(simulator.control(Method::PUT, "faults", delay).await.error("field"), (400, "delay_ms".into()));
}

#[tokio::test]
async fn the_clock_can_be_shifted_and_set_right() {
    let simulator = Simulator::start().await;
    let created = async || {
        let id = simulator.prepare("ord_1").await;
        simulator.get(&format!("payment_intents/{id}")).await.body["created"].as_i64().unwrap()
    };
    let today = created().await;
    simulator.advance(86_400).await;
    simulator.advance(86_400).await;
    assert!((172_800..172_860).contains(&(created().await - today)));
    assert_eq!(simulator.control(Method::DELETE, "clock", Value::Null).await.status, 204);
    assert!((0..60).contains(&(created().await - today)));
    for wrong in [json!({}), json!({"advance_seconds": "1"}), json!({"advance_seconds": i64::MAX})] {
        assert_eq!(simulator.control(Method::PUT, "clock", wrong).await.error("field"), (400, "advance_seconds".into()));
    }
}

#[tokio::test]
async fn the_log_of_requests_has_them_all_and_no_token() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    simulator.act(&id, "capture").await;
    simulator.post("refunds", &[("payment_intent", &id)]).await;
    simulator.get(&format!("payment_intents/{id}")).await;
    simulator.act(&id, "cancel").await;
    simulator.get("nowhere").await;
    let log = simulator.control(Method::GET, "requests", Value::Null).await.body;
    let seen: Vec<_> =
        log.as_array().unwrap().iter().map(|entry| (entry["operation"].as_str(), entry["status"].as_u64().unwrap())).collect();
    let expected = [
        (Some("prepare"), 200),
        (Some("authorize"), 200),
        (Some("capture"), 200),
        (Some("refund"), 200),
        (Some("read"), 200),
        (Some("void"), 400),
        (None, 404),
    ];
    assert_eq!(seen, expected);
    let confirm =
        json!({"method": "POST", "path": format!("/v1/payment_intents/{id}/confirm"), "provider": "stripe", "order_id": "ord_1"});
    for (field, value) in confirm.as_object().unwrap() {
        assert_eq!(log[1][field], *value);
    }
    assert_eq!(log[3]["order_id"], json!("ord_1"));
    let text = log.to_string();
    assert!(!text.contains("pm_card") && !text.contains("sk_test"));
}

#[tokio::test]
async fn a_lost_answer_has_no_status_in_the_log() {
    let simulator = Simulator::start().await;
    simulator.fault("prepare", "lose_answer", 0).await;
    assert!(simulator.try_post("payment_intents", "k", &[("amount", "100"), ("currency", "usd")]).await.is_err());
    let log = simulator.control(Method::GET, "requests", Value::Null).await.body;
    assert_eq!(log[0]["status"], Value::Null);
}

#[tokio::test]
async fn a_reset_leaves_nothing_behind_and_nothing_else_clears_the_ledger() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    simulator.post_with_key(&format!("payment_intents/{id}/confirm"), "k", VISA).await;
    assert_eq!(simulator.control(Method::DELETE, "ledger", Value::Null).await.status, 405);
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599)]));

    simulator.advance(86_400).await;
    simulator.fault("void", "error", 0).await;
    simulator.control(Method::PUT, "faults", json!({"provider": "stripe", "fault": "refuse"})).await;
    assert_eq!(simulator.control(Method::PUT, "reset", Value::Null).await.status, 204);
    for list in ["ledger", "requests", "faults"] {
        assert_eq!(simulator.control(Method::GET, list, Value::Null).await.body, json!([]), "{list}");
    }
    assert_eq!(simulator.control(Method::GET, "clock", Value::Null).await.body["shift_seconds"], json!(0));
    assert_eq!(simulator.get(&format!("payment_intents/{id}")).await.status, 404);
    assert_eq!(
        simulator.post_with_key("payment_intents", "k", &[("amount", "100"), ("currency", "usd")]).await.status,
        200,
        "keys too"
    );
}

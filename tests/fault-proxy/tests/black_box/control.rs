//! The control API: what it answers, and what it refuses.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{ORDER, OTHER_ORDER, Proxy};

const CALL: &str = "a/stripe.CreateRefund#1";

#[tokio::test]
async fn it_answers_that_it_is_there() {
    let proxy = Proxy::start().await;
    assert_eq!(proxy.control(Method::GET, "health", Value::Null).await.json(), json!({"status": "ok"}));
}

#[tokio::test]
async fn faults_are_told_with_their_ids_all_or_an_orders() {
    let proxy = Proxy::start().await;
    let put = async |order_id: &str, fault: &str, delay: Value| {
        let mut body = json!({"order_id": order_id, "call": CALL, "fault": fault});
        body.as_object_mut().unwrap().extend(delay.as_object().unwrap().clone());
        proxy.control(Method::PUT, "faults", body).await.json()["id"].clone()
    };
    assert_eq!(put(ORDER, "delay", json!({"delay_ms": 5})).await, 1);
    assert_eq!(put(OTHER_ORDER, "freeze", json!({"resume": "manual"})).await, 2);
    let first = json!({
        "id": 1, "order_id": ORDER, "call": CALL, "fault": "delay", "delay_ms": 5, "struck": false, "over": false,
        "met_at": null, "held": false, "error": null, "every_try": false,
    });
    assert_eq!(proxy.faults().await.as_array().unwrap().len(), 2);
    let own = proxy.control(Method::GET, &format!("faults?order_id={ORDER}"), Value::Null).await.json();
    assert_eq!(own, json!([first]));
    let single = async |id: &str| proxy.control(Method::GET, &format!("faults/{id}"), Value::Null).await;
    assert_eq!(single("1").await.json(), first);
    assert_eq!((single("3").await.status, single("x").await.status), (404, 400));
}

#[tokio::test]
async fn a_fault_that_cannot_be_followed_is_refused() {
    let proxy = Proxy::start().await;
    let good = json!({"order_id": ORDER, "call": CALL, "fault": "refuse"});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, named) in [
        (json!([]), "body"),
        (json!({"call": CALL, "fault": "refuse"}), "order_id"),
        (json!({"order_id": ORDER, "fault": "refuse"}), "call"),
        (with("order_id", json!("ord_1")), "order_id"),
        (with("call", json!("stripe.CreateRefund#1")), "call"),
        (with("call", json!("a/stripe.CreateRefund#0")), "call"),
        (with("fault", json!("explode")), "explode"),
        (with("fault", json!("delay")), "delay_ms"),
        (with("delay_ms", json!(5)), "delay_ms"),
        (with("resume", json!("manual")), "resume"),
        (json!({"order_id": ORDER, "call": CALL, "fault": "kill_before", "every_try": true}), "every_try"),
        (with("times", json!(1)), "times"),
        (json!({"order_id": ORDER, "call": CALL, "fault": "delay", "delay_ms": 0}), "delay_ms"),
        (json!({"order_id": ORDER, "call": CALL, "fault": "freeze", "resume": "later"}), "later"),
    ] {
        let answer = proxy.control(Method::PUT, "faults", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(named), "{body}: {message}");
    }
    assert_eq!(proxy.faults().await, json!([]));
    assert_eq!(proxy.control(Method::PUT, "faults", good.clone()).await.status, 200);
    assert_eq!(proxy.control(Method::PUT, "faults", good).await.status, 400, "a second one for the same call");
}

#[tokio::test]
async fn aliases_thaws_and_queries_are_checked_too() {
    let proxy = Proxy::start().await;
    for (method, path, body) in [
        (Method::PUT, "aliases", json!({"alias": "short", "order_id": ORDER})),
        (Method::PUT, "aliases", json!({"alias": "long enough", "order_id": "1"})),
        (Method::PUT, "aliases", json!({"alias": "long enough", "order_id": ORDER, "more": 1})),
        (Method::POST, "thaw", json!({"order_id": ORDER})),
        (Method::POST, "thaw", json!({"order_id": ORDER, "call": "x"})),
        (Method::GET, "calls?order=1", Value::Null),
        (Method::GET, "calls?order_id=1", Value::Null),
        (Method::GET, "faults?order_id=", Value::Null),
    ] {
        let answer = proxy.control(method.clone(), path, body.clone()).await;
        assert_eq!(answer.status, 400, "{method} {path} {body}");
    }
}

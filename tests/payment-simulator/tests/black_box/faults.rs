//! What can be made to go wrong.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::harness::{Simulator, VISA, moved};

#[tokio::test]
async fn a_decline_strikes_a_good_card_and_only_as_often_as_told() {
    let simulator = Simulator::start().await;
    let fault = json!({"provider": "stripe", "operation": "authorize", "fault": "decline", "times": 2});
    simulator.control(Method::PUT, "faults", fault).await;
    let id = simulator.prepare("ord_1").await;
    for _ in 0..2 {
        assert_eq!(simulator.confirm(&id, "pm_card_visa").await.error("decline_code"), (402, "generic_decline".into()));
    }
    assert_eq!(simulator.confirm(&id, "pm_card_visa").await.text("status"), "requires_capture");
}

#[tokio::test]
async fn an_error_has_no_effect() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    for (operation, verb) in [("capture", "capture"), ("void", "cancel")] {
        simulator.fault(operation, "error", 0).await;
        assert_eq!(simulator.act(&id, verb).await.error("type"), (500, "api_error".into()));
        assert_eq!(simulator.status(&id).await, "requires_capture");
    }
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599)]));
}

#[tokio::test]
async fn an_error_after_takes_effect() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    simulator.fault("authorize", "error_after", 0).await;
    assert_eq!(simulator.confirm(&id, "pm_card_visa").await.error("type"), (500, "api_error".into()));
    assert_eq!(simulator.status(&id).await, "requires_capture");
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599)]));
}

#[tokio::test]
async fn a_lost_answer_took_effect_and_the_connection_closes() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    simulator.fault("void", "lose_answer", 0).await;
    let lost = simulator.try_post(&format!("payment_intents/{id}/cancel"), "k", &[]).await;
    assert!(lost.is_err_and(|error| !error.is_connect() && !error.is_timeout()));
    assert_eq!(simulator.status(&id).await, "canceled");
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("void", 4599)]));
}

#[tokio::test]
async fn reads_and_refunds_can_fail_too() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    simulator.act(&id, "capture").await;
    simulator.fault("read", "error", 0).await;
    assert_eq!(simulator.get(&format!("payment_intents/{id}")).await.status, 500);
    simulator.fault("refund", "error", 0).await;
    assert_eq!(simulator.post("refunds", &[("payment_intent", &id)]).await.status, 500);
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn an_intent_that_is_confirmed_as_it_is_made_is_an_authorisation() {
    let simulator = Simulator::start().await;
    simulator.fault("authorize", "decline", 0).await;
    let form = [("amount", "500"), ("currency", "usd"), ("payment_method_types[]", "card"), ("confirm", "true"), VISA[0]];
    assert_eq!(simulator.post("payment_intents", &form).await.status, 402);
}

#[tokio::test]
async fn a_delay_waits_and_goes_on() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    simulator.fault("authorize", "delay", 300).await;
    let started = Instant::now();
    assert_eq!(simulator.confirm(&id, "pm_card_visa").await.text("status"), "requires_capture");
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn what_is_delayed_lands_though_its_caller_has_gone() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    simulator.fault("authorize", "delay", 400).await;
    let impatient = timeout(Duration::from_millis(150), simulator.confirm(&id, "pm_card_visa"));
    assert!(impatient.await.is_err());
    assert_eq!(simulator.status(&id).await, "requires_payment_method");
    sleep(Duration::from_millis(600)).await;
    assert_eq!(simulator.status(&id).await, "requires_capture");
}

#[tokio::test]
async fn faults_stand_in_a_row_and_a_request_takes_one() {
    let simulator = Simulator::start().await;
    simulator.fault("prepare", "error", 0).await;
    simulator.fault("prepare", "error_after", 0).await;
    let statuses = async || simulator.post("payment_intents", &[("amount", "100"), ("currency", "usd")]).await.status;
    assert_eq!([statuses().await, statuses().await, statuses().await], [500, 500, 200]);
    let made = simulator.get("payment_intents").await.body["data"].as_array().unwrap().len();
    assert_eq!(made, 2, "the first had no effect, the second had one");
}

#[tokio::test]
async fn a_fault_for_one_order_spares_the_others() {
    let simulator = Simulator::start().await;
    let (one, two) = (simulator.prepare("ord_1").await, simulator.prepare("ord_2").await);
    let fault = json!({"provider": "stripe", "operation": "authorize", "fault": "decline", "times": 1, "order_id": "ord_2"});
    simulator.control(Method::PUT, "faults", fault).await;
    assert_eq!(simulator.confirm(&one, "pm_card_visa").await.status, 200);
    assert_eq!(simulator.confirm(&two, "pm_card_visa").await.status, 402);
}

#[tokio::test]
async fn a_replay_uses_no_fault_up() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let path = format!("payment_intents/{id}/confirm");
    simulator.post_with_key(&path, "k", VISA).await;
    simulator.fault("authorize", "error", 0).await;
    assert_eq!(simulator.post_with_key(&path, "k", VISA).await.status, 200);
    assert_eq!(simulator.control(Method::GET, "faults", Value::Null).await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_port_takes_no_connection_until_the_faults_are_deleted() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    simulator
        .control(Method::PUT, "faults", json!({"provider": "stripe", "operation": "capture", "fault": "refuse", "times": 1}))
        .await;
    for _ in 0..3 {
        let refused = reqwest::Client::new().get(&simulator.addresses.stripe_url).send().await;
        assert!(refused.is_err_and(|error| error.is_connect()));
    }
    assert_eq!(simulator.control(Method::DELETE, "faults", Value::Null).await.status, 204);
    assert_eq!(simulator.status(&id).await, "requires_payment_method", "on the same port, with its objects");
}

#[tokio::test]
async fn a_connection_that_was_kept_alive_is_dropped_as_the_port_closes() {
    let simulator = Simulator::start().await;
    let kept = tokio::net::TcpStream::connect(simulator.addresses.stripe_url.trim_start_matches("http://")).await.unwrap();
    simulator.get("payment_intents").await;
    simulator.control(Method::PUT, "faults", json!({"provider": "stripe", "fault": "refuse"})).await;
    timeout(Duration::from_secs(1), kept.readable()).await.unwrap().unwrap();
    assert!(matches!(kept.try_read(&mut [0; 1]), Ok(0) | Err(_)), "closed, with nothing to read");
}

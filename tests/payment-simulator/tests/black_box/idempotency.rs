//! Idempotency keys: <https://docs.stripe.com/api/idempotent_requests>.

use std::time::Duration;

use reqwest::Method;
use tokio::time::sleep;

use crate::harness::{Answer, Simulator, VISA, intent_form, moved};

const DAY: i64 = 24 * 60 * 60;

fn original(answer: &Answer) -> Option<&str> {
    answer.headers.get("original-request")?.to_str().ok()
}

#[tokio::test]
async fn a_repeat_gets_the_saved_answer_and_moves_nothing_twice() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let path = format!("payment_intents/{id}/confirm");
    let first = simulator.post_with_key(&path, "k", VISA).await;
    simulator.act(&id, "capture").await;
    let again = simulator.post_with_key(&path, "k", VISA).await;
    assert_eq!((again.status, &again.body), (200, &first.body), "as it was, not as it is");
    assert!(again.is_replayed() && !first.is_replayed());
    assert_eq!(original(&again), first.headers["request-id"].to_str().ok());
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn a_saved_decline_is_replayed() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let path = format!("payment_intents/{id}/confirm");
    let form = [("payment_method", "pm_card_visa_chargeDeclined")];
    let first = simulator.post_with_key(&path, "k", &form).await;
    let again = simulator.post_with_key(&path, "k", &form).await;
    assert_eq!((again.status, again.is_replayed(), again.body), (402, true, first.body));
}

#[tokio::test]
async fn a_saved_error_of_stripes_own_is_replayed_and_a_new_key_goes_through() {
    let simulator = Simulator::start().await;
    simulator.fault("prepare", "error", 0).await;
    let form = intent_form("ord_1");
    assert_eq!(simulator.post_with_key("payment_intents", "k", &form).await.status, 500);
    let again = simulator.post_with_key("payment_intents", "k", &form).await;
    assert_eq!((again.status, again.is_replayed()), (500, true));
    assert_eq!(simulator.post_with_key("payment_intents", "l", &form).await.status, 200);
}

#[tokio::test]
async fn an_unexpected_state_was_executed_and_is_replayed() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let capture = format!("payment_intents/{id}/capture");
    assert_eq!(simulator.post_with_key(&capture, "k", &[]).await.status, 400);
    simulator.confirm(&id, "pm_card_visa").await;
    let again = simulator.post_with_key(&capture, "k", &[]).await;
    assert_eq!((again.status, again.is_replayed()), (400, true));
}

#[tokio::test]
async fn what_failed_validation_was_not_executed_and_leaves_the_key_free() {
    let simulator = Simulator::start().await;
    assert_eq!(simulator.post_with_key("payment_intents", "k", &[("amount", "100")]).await.status, 400);
    let corrected = simulator.post_with_key("payment_intents", "k", &intent_form("ord_1")).await;
    assert_eq!((corrected.status, corrected.is_replayed()), (200, false));
}

#[tokio::test]
async fn a_key_is_good_for_one_request_only() {
    let simulator = Simulator::start().await;
    let id = simulator.post_with_key("payment_intents", "k", &intent_form("ord_1")).await.text("id");
    let other_parameters = simulator.post_with_key("payment_intents", "k", &intent_form("ord_2")).await;
    assert_eq!(other_parameters.error("type"), (400, "idempotency_error".into()));
    let other_path = simulator.post_with_key(&format!("payment_intents/{id}/confirm"), "k", VISA).await;
    assert_eq!(other_path.error("type"), (400, "idempotency_error".into()));
    assert_eq!(simulator.status(&id).await, "requires_payment_method");
}

#[tokio::test]
async fn the_order_of_parameters_does_not_matter_to_a_key() {
    let simulator = Simulator::start().await;
    let mut form = intent_form("ord_1");
    let first = simulator.post_with_key("payment_intents", "k", &form).await;
    form.reverse();
    assert_eq!(simulator.post_with_key("payment_intents", "k", &form).await.text("id"), first.text("id"));
}

#[tokio::test]
async fn a_key_in_flight_is_a_conflict() {
    let simulator = Simulator::start().await;
    simulator.fault("prepare", "delay", 600).await;
    let form = intent_form("ord_1");
    let second = async {
        sleep(Duration::from_millis(200)).await;
        simulator.post_with_key("payment_intents", "k", &form).await
    };
    let (first, second) = tokio::join!(simulator.post_with_key("payment_intents", "k", &form), second);
    assert_eq!(first.status, 200);
    assert_eq!(second.error("code"), (409, "idempotency_key_in_use".into()));
    assert_eq!(second.error("type").1, "idempotency_error");
    assert!(simulator.post_with_key("payment_intents", "k", &form).await.is_replayed(), "a conflict is not saved");
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_of_the_simulators_clock() {
    let simulator = Simulator::start().await;
    let form = intent_form("ord_1");
    let first = simulator.post_with_key("payment_intents", "k", &form).await.text("id");
    simulator.advance(DAY - 60).await;
    assert_eq!(simulator.post_with_key("payment_intents", "k", &form).await.text("id"), first);
    simulator.advance(60).await;
    let later = simulator.post_with_key("payment_intents", "k", &form).await;
    assert!(!later.is_replayed());
    assert_ne!(later.text("id"), first);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_there_for_the_repeat() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let path = format!("payment_intents/{id}/confirm");
    simulator.fault("authorize", "lose_answer", 0).await;
    assert!(simulator.try_post(&path, "k", VISA).await.is_err());
    let again = simulator.post_with_key(&path, "k", VISA).await;
    assert_eq!((again.text("status"), again.is_replayed()), ("requires_capture".into(), true));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599)]));
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused() {
    let simulator = Simulator::start().await;
    let form = intent_form("ord_1");
    assert_eq!(simulator.post_with_key("payment_intents", &"k".repeat(255), &form).await.status, 200);
    assert_eq!(simulator.post_with_key("payment_intents", &"k".repeat(256), &form).await.status, 400);
}

#[tokio::test]
async fn a_request_without_a_key_is_executed_each_time() {
    let simulator = Simulator::start().await;
    let send = async || simulator.send(simulator.request(Method::POST, "payment_intents").form(&intent_form("ord_1"))).await;
    assert_ne!(send().await.text("id"), send().await.text("id"));
}

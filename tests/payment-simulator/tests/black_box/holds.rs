//! How long a hold lasts, and what comes of time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::{Simulator, moved};

const WEEK: i64 = 7 * 24 * 60 * 60;

#[tokio::test]
async fn the_latest_charge_is_an_id_unless_it_is_asked_for_whole() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let whole = [("payment_method", "pm_card_visa"), ("expand[]", "latest_charge")];
    let held = simulator.post(&format!("payment_intents/{id}/confirm"), &whole).await;
    let charge = &held.body["latest_charge"];
    assert_eq!((&charge["object"], &charge["captured"]), (&json!("charge"), &json!(false)));
    let card = &charge["payment_method_details"]["card"];
    let until = card["capture_before"].as_i64().unwrap() - charge["created"].as_i64().unwrap();
    assert_eq!((until, &card["last4"]), (WEEK, &json!("4242")));

    let path = format!("payment_intents/{id}");
    assert_eq!(simulator.get(&path).await.body["latest_charge"], charge["id"]);
    assert_eq!(simulator.get(&format!("{path}?expand[]=latest_charge")).await.body["latest_charge"], *charge);
    let taken = simulator.post(&format!("{path}/capture"), &[("expand[]", "latest_charge")]).await;
    assert_eq!(taken.body["latest_charge"]["amount_captured"], json!(4599));
    let other = simulator.get(&format!("{path}?expand[]=invoice")).await;
    assert_eq!(other.error("param"), (400, "expand".into()));
}

#[tokio::test]
async fn a_hold_that_nobody_captures_lapses_after_a_week() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    simulator.advance(WEEK - 10).await;
    assert_eq!(simulator.status(&id).await, "requires_capture");
    simulator.advance(10).await;
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("void", 4599)]), "though nobody asks for it");
    let lapsed = simulator.get(&format!("payment_intents/{id}")).await.body;
    assert_eq!((&lapsed["status"], &lapsed["cancellation_reason"]), (&json!("canceled"), &json!("automatic")));
    assert_eq!(lapsed["amount_capturable"], json!(0));
    assert_eq!(simulator.act(&id, "capture").await.error("code"), (400, "payment_intent_unexpected_state".into()));
}

#[tokio::test]
async fn what_was_taken_or_cancelled_in_time_does_not_lapse() {
    let simulator = Simulator::start().await;
    let (taken, cancelled) = (simulator.authorize("ord_1").await, simulator.authorize("ord_2").await);
    simulator.act(&taken, "capture").await;
    simulator.act(&cancelled, "cancel").await;
    simulator.advance(WEEK).await;
    assert_eq!(simulator.status(&taken).await, "succeeded");
    let cancelled = simulator.get(&format!("payment_intents/{cancelled}")).await.body;
    assert_eq!(cancelled["cancellation_reason"], Value::Null);
    assert_eq!(simulator.ledger().await.len(), 4);
}

#[tokio::test]
async fn an_issuer_that_takes_its_time_approves_after_two_seconds() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let waiting = simulator.confirm(&id, "pm_processing").await;
    assert_eq!((waiting.status, waiting.text("status")), (200, "processing".into()));
    for verb in ["confirm", "capture", "cancel"] {
        assert_eq!(simulator.act(&id, verb).await.error("code"), (400, "payment_intent_unexpected_state".into()), "{verb}");
    }
    assert_eq!(simulator.ledger().await, moved(&[]));
    simulator.advance(2).await;
    assert_eq!(simulator.status(&id).await, "requires_capture");
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599)]));
    simulator.advance(WEEK).await;
    assert_eq!(simulator.status(&id).await, "canceled", "it lapses as any other");
}

#[tokio::test]
async fn time_passes_by_itself() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    simulator.confirm(&id, "pm_processing").await;
    sleep(Duration::from_millis(2300)).await;
    assert_eq!(simulator.status(&id).await, "requires_capture");
}

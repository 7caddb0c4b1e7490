//! The page of the simulated bank.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Simulator, location, moved};

/// An intent whose customer is asked for, and the page where she is.
async fn asked(simulator: &Simulator, form: &[(&str, &str)]) -> (String, String) {
    let id = simulator.prepare("ord_1").await;
    let form = [&[("payment_method", "pm_card_authenticationRequired")], form].concat();
    let asked = simulator.post(&format!("payment_intents/{id}/confirm"), &form).await;
    assert_eq!(asked.text("status"), "requires_action");
    let page = format!("{}/3d_secure_2/hosted?payment_intent={id}", simulator.addresses.stripe_url);
    (id, page)
}

const RETURN: &[(&str, &str)] = &[("return_url", "https://souk.example/back?a=1")];

#[tokio::test]
async fn the_bank_shows_what_is_to_be_confirmed() {
    let simulator = Simulator::start().await;
    let (id, page) = asked(&simulator, RETURN).await;
    let shown = reqwest::get(&page).await.unwrap();
    assert_eq!(shown.status(), 200);
    let html = shown.text().await.unwrap();
    for text in ["simulated bank", "45.99 USD", "ord_1", "Confirm", "Refuse"] {
        assert!(html.contains(text), "{text}: {html}");
    }
    assert_eq!(simulator.status(&id).await, "requires_action");
}

#[tokio::test]
async fn a_confirmed_payment_is_held_and_its_customer_comes_back() {
    let simulator = Simulator::start().await;
    let (id, page) = asked(&simulator, RETURN).await;
    let back = simulator.press(&page, "yes").await;
    assert_eq!(back.status(), 303);
    let location = location(&back);
    assert!(location.starts_with(&format!("https://souk.example/back?a=1&payment_intent={id}&payment_intent_client_secret=")));
    assert!(location.ends_with("&redirect_status=succeeded"), "{location}");
    let intent = simulator.get(&format!("payment_intents/{id}")).await.body;
    assert_eq!((&intent["status"], &intent["next_action"]), (&json!("requires_capture"), &Value::Null));
    assert_eq!(simulator.press(&page, "yes").await.status(), 404, "she is asked once");
    let events = simulator.control(Method::GET, "webhooks/events", Value::Null).await.body;
    assert_eq!(events.as_array().unwrap().last().unwrap()["type"], json!("payment_intent.amount_capturable_updated"));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599)]));
}

#[tokio::test]
async fn a_refused_payment_needs_another_card() {
    let simulator = Simulator::start().await;
    let (id, page) = asked(&simulator, RETURN).await;
    let back = simulator.press(&page, "no").await;
    assert!(location(&back).ends_with("&redirect_status=failed"));
    let intent = simulator.get(&format!("payment_intents/{id}")).await.body;
    assert_eq!(intent["status"], json!("requires_payment_method"));
    assert_eq!(intent["last_payment_error"]["code"], json!("payment_intent_authentication_failure"));
    assert_eq!(intent["last_payment_error"]["type"], json!("invalid_request_error"));
    assert_eq!(simulator.ledger().await, moved(&[]));
    assert_eq!(simulator.confirm(&id, "pm_card_visa").await.text("status"), "requires_capture");
}

#[tokio::test]
async fn a_customer_without_a_way_back_sees_a_plain_page() {
    let simulator = Simulator::start().await;
    let (_, page) = asked(&simulator, &[]).await;
    let answer = simulator.press(&page, "no").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("Refused"));
}

#[tokio::test]
async fn the_bank_knows_nothing_of_other_payments() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    for id in ["pi_x", &id] {
        let page = format!("{}/3d_secure_2/hosted?payment_intent={id}", simulator.addresses.stripe_url);
        assert_eq!(reqwest::get(&page).await.unwrap().status(), 404);
        assert_eq!(simulator.press(&page, "yes").await.status(), 404);
    }
}

#[tokio::test]
async fn a_payment_that_was_cancelled_meanwhile_is_not_confirmed() {
    let simulator = Simulator::start().await;
    let (id, page) = asked(&simulator, RETURN).await;
    simulator.act(&id, "cancel").await;
    assert_eq!(simulator.press(&page, "yes").await.status(), 404);
    assert_eq!(simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn an_order_on_the_page_is_only_text() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("<b>ord</b>").await;
    simulator.confirm(&id, "pm_card_authenticationRequired").await;
    let page = format!("{}/3d_secure_2/hosted?payment_intent={id}", simulator.addresses.stripe_url);
    assert!(!reqwest::get(page).await.unwrap().text().await.unwrap().contains("<b>"));
}

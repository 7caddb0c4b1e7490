//! What each of Stripe's test tokens does.

use serde_json::json;

use crate::harness::{Simulator, moved};

#[tokio::test]
async fn cards_that_succeed_hold_the_money() {
    let simulator = Simulator::start().await;
    let tokens = ["pm_card_visa", "pm_card_visa_debit", "pm_card_mastercard", "pm_card_mastercard_debit", "pm_card_amex"];
    for token in tokens {
        let id = simulator.prepare("ord_1").await;
        assert_eq!(simulator.confirm(&id, token).await.text("status"), "requires_capture", "{token}");
    }
    assert_eq!(simulator.ledger().await.len(), tokens.len());
}

#[tokio::test]
async fn cards_that_are_declined_say_why() {
    let simulator = Simulator::start().await;
    for (token, code, decline_code) in [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_visa_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "none"),
        ("pm_card_visa_chargeDeclinedExpiredCard", "expired_card", "none"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "none"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "none"),
    ] {
        let id = simulator.prepare("ord_1").await;
        let declined = simulator.confirm(&id, token).await;
        assert_eq!(declined.error("type"), (402, "card_error".into()), "{token}");
        assert_eq!(declined.error("code").1, code, "{token}");
        assert_eq!(declined.error("decline_code").1, decline_code, "{token}");
    }
    assert_eq!(simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn a_decline_carries_the_intent_and_stays_on_it_until_another_card_works() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let declined = simulator.confirm(&id, "pm_card_visa_chargeDeclinedInsufficientFunds").await;
    let carried = &declined.body["error"]["payment_intent"];
    let read = simulator.get(&format!("payment_intents/{id}")).await.body;
    assert_eq!(*carried, read);
    assert_eq!((&read["status"], &read["payment_method"]), (&json!("requires_payment_method"), &json!(null)));
    let last = &read["last_payment_error"];
    assert_eq!((&last["type"], &last["code"]), (&json!("card_error"), &json!("card_declined")));
    assert_eq!(last["decline_code"], json!("insufficient_funds"));
    assert_eq!(last["payment_method"]["card"]["last4"], json!("9995"));
    assert!(last["message"].is_string());

    let authorised = simulator.confirm(&id, "pm_card_visa").await.body;
    assert_eq!((&authorised["status"], &authorised["last_payment_error"]), (&json!("requires_capture"), &json!(null)));
}

#[tokio::test]
async fn a_token_that_stripe_does_not_know_is_the_payment_methods_fault() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let refused = simulator.confirm(&id, "pm_card_nonsense").await;
    assert_eq!(refused.error("code"), (400, "resource_missing".into()));
    assert_eq!(refused.error("param").1, "payment_method");
    assert_eq!(simulator.status(&id).await, "requires_payment_method");
}

#[tokio::test]
async fn an_intent_that_is_declined_as_it_is_made_exists() {
    let simulator = Simulator::start().await;
    let form = [
        ("amount", "500"),
        ("currency", "usd"),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa_chargeDeclined"),
    ];
    let declined = simulator.post("payment_intents", &form).await;
    assert_eq!(declined.status, 402);
    let id = declined.body["error"]["payment_intent"]["id"].as_str().unwrap();
    assert_eq!(simulator.status(id).await, "requires_payment_method");
}

//! The states of an intent, and what each step moves.

use serde_json::{Value, json};

use crate::harness::{Answer, Simulator, VISA, moved};

fn is_unexpected_state(answer: &Answer) -> bool {
    answer.error("code") == (400, "payment_intent_unexpected_state".into()) && answer.body["error"]["payment_intent"].is_object()
}

#[tokio::test]
async fn a_new_intent_moves_no_money_and_has_stripes_shape() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let intent = simulator.get(&format!("payment_intents/{id}")).await.body;
    let expected = json!({
        "object": "payment_intent", "amount": 4599, "amount_capturable": 0, "amount_received": 0, "capture_method": "manual",
        "currency": "usd", "last_payment_error": null, "latest_charge": null, "livemode": false,
        "metadata": {"order_id": "ord_1"},
        "next_action": null, "payment_method": null, "payment_method_types": ["card"], "status": "requires_payment_method",
        "canceled_at": null, "cancellation_reason": null, "automatic_payment_methods": null,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(intent[field], *value, "{field}");
    }
    assert!(id.starts_with("pi_"));
    assert!(intent["client_secret"].as_str().unwrap().starts_with(&format!("{id}_secret_")));
    assert!(intent["created"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn a_confirmed_intent_holds_the_money_until_it_is_captured() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let held = simulator.confirm(&id, "pm_card_visa").await.body;
    assert_eq!((&held["status"], &held["amount_capturable"]), (&json!("requires_capture"), &json!(4599)));
    assert!(held["payment_method"].as_str().unwrap().starts_with("pm_"));
    assert!(held["latest_charge"].as_str().unwrap().starts_with("ch_"));

    let taken = simulator.act(&id, "capture").await.body;
    assert_eq!((&taken["status"], &taken["amount_capturable"]), (&json!("succeeded"), &json!(0)));
    assert_eq!(taken["amount_received"], json!(4599));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn an_automatic_intent_is_taken_as_it_is_confirmed() {
    let simulator = Simulator::start().await;
    let form = [("amount", "500"), ("currency", "eur"), ("capture_method", "automatic"), ("payment_method_types[0]", "card")];
    let id = simulator.post("payment_intents", &form).await.text("id");
    assert_eq!(simulator.confirm(&id, "pm_card_visa").await.text("status"), "succeeded");
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 500), ("capture", 500)]));
}

#[tokio::test]
async fn an_intent_can_be_made_and_confirmed_at_once() {
    let simulator = Simulator::start().await;
    let form = [
        ("amount", "500"),
        ("currency", "usd"),
        ("capture_method", "manual"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("return_url", "https://souk.example/back"),
    ];
    assert_eq!(simulator.post("payment_intents", &form).await.text("status"), "requires_capture");
    let early = [("amount", "500"), ("currency", "usd"), ("return_url", "https://souk.example/back")];
    assert_eq!(simulator.post("payment_intents", &early).await.error("param"), (400, "return_url".into()));
}

#[tokio::test]
async fn a_payment_method_given_early_waits_for_the_confirm() {
    let simulator = Simulator::start().await;
    let form = [("amount", "500"), ("currency", "usd"), ("payment_method_types[]", "card"), VISA[0]];
    let made = simulator.post("payment_intents", &form).await;
    assert_eq!(made.text("status"), "requires_confirmation");
    assert_eq!(simulator.act(&made.text("id"), "confirm").await.text("status"), "succeeded");
}

#[tokio::test]
async fn a_confirm_without_a_payment_method_is_refused() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let refused = simulator.act(&id, "confirm").await;
    assert_eq!(refused.error("code"), (400, "payment_intent_unexpected_state".into()));
}

#[tokio::test]
async fn a_confirm_needs_a_return_url_only_where_a_method_may_redirect() {
    let simulator = Simulator::start().await;
    let automatic = [("amount", "500"), ("currency", "usd")];
    let id = simulator.post("payment_intents", &automatic).await.text("id");
    assert_eq!(simulator.confirm(&id, "pm_card_visa").await.error("param"), (400, "return_url".into()));
    let complete = [VISA[0], ("return_url", "https://souk.example/back")];
    assert_eq!(simulator.post(&format!("payment_intents/{id}/confirm"), &complete).await.status, 200);

    let never = [
        automatic[0],
        automatic[1],
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
    ];
    let id = simulator.post("payment_intents", &never).await.text("id");
    assert_eq!(simulator.confirm(&id, "pm_card_visa").await.status, 200);
}

#[tokio::test]
async fn a_card_that_must_be_authenticated_redirects_to_the_bank_and_back() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    let form = [("payment_method", "pm_card_authenticationRequired"), ("return_url", "https://souk.example/back")];
    let asked = simulator.post(&format!("payment_intents/{id}/confirm"), &form).await;
    assert_eq!((asked.status, asked.text("status")), (200, "requires_action".into()));
    let action = &asked.body["next_action"];
    assert_eq!(action["type"], json!("redirect_to_url"));
    assert_eq!(action["redirect_to_url"]["return_url"], json!("https://souk.example/back"));
    let page = format!("{}/3d_secure_2/hosted?payment_intent={id}", simulator.addresses.stripe_url);
    assert_eq!(action["redirect_to_url"]["url"], json!(page));
    assert_eq!(simulator.ledger().await, moved(&[]));

    let without_a_way_back = simulator.prepare("ord_2").await;
    let asked = simulator.confirm(&without_a_way_back, "pm_card_authenticationRequired").await;
    assert_eq!(asked.body["next_action"]["type"], json!("use_stripe_sdk"));
}

#[tokio::test]
async fn a_confirm_after_a_cancel_fails_and_moves_nothing() {
    let simulator = Simulator::start().await;
    let id = simulator.prepare("ord_1").await;
    assert_eq!(simulator.act(&id, "cancel").await.text("status"), "canceled");
    assert!(is_unexpected_state(&simulator.confirm(&id, "pm_card_visa").await));
    assert_eq!(simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn an_intent_is_authorised_once() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    assert!(is_unexpected_state(&simulator.confirm(&id, "pm_card_visa").await));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599)]));
}

#[tokio::test]
async fn only_what_is_held_is_captured_and_only_once() {
    let simulator = Simulator::start().await;
    let unconfirmed = simulator.prepare("ord_1").await;
    assert!(is_unexpected_state(&simulator.act(&unconfirmed, "capture").await));
    let id = simulator.authorize("ord_2").await;
    simulator.act(&id, "capture").await;
    assert!(is_unexpected_state(&simulator.act(&id, "capture").await));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599)]));
}

#[tokio::test]
async fn a_part_can_be_captured_and_never_more_than_is_held() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    let path = format!("payment_intents/{id}/capture");
    let too_much = simulator.post(&path, &[("amount_to_capture", "4600")]).await;
    assert_eq!(too_much.error("param"), (400, "amount_to_capture".into()));
    let part = simulator.post(&path, &[("amount_to_capture", "4000")]).await.body;
    assert_eq!((&part["amount_received"], &part["amount_capturable"]), (&json!(4000), &json!(0)));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4000)]));
}

#[tokio::test]
async fn a_cancel_frees_what_is_held_and_says_why() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    let path = format!("payment_intents/{id}/cancel");
    let unheard_of = simulator.post(&path, &[("cancellation_reason", "bored")]).await;
    assert_eq!(unheard_of.error("param"), (400, "cancellation_reason".into()));
    let canceled = simulator.post(&path, &[("cancellation_reason", "abandoned")]).await.body;
    assert_eq!((&canceled["status"], &canceled["cancellation_reason"]), (&json!("canceled"), &json!("abandoned")));
    assert_eq!(canceled["amount_capturable"], json!(0));
    assert!(canceled["canceled_at"].is_i64());
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("void", 4599)]));
}

#[tokio::test]
async fn what_was_never_authorised_is_cancelled_without_a_line_in_the_ledger() {
    let simulator = Simulator::start().await;
    for token in ["", "pm_card_visa_chargeDeclined", "pm_card_authenticationRequired"] {
        let id = simulator.prepare("ord_1").await;
        if !token.is_empty() {
            simulator.confirm(&id, token).await;
        }
        assert_eq!(simulator.act(&id, "cancel").await.text("status"), "canceled", "{token}");
    }
    assert_eq!(simulator.ledger().await, moved(&[]));
}

#[tokio::test]
async fn what_has_ended_is_not_cancelled() {
    let simulator = Simulator::start().await;
    let taken = simulator.authorize("ord_1").await;
    simulator.act(&taken, "capture").await;
    assert!(is_unexpected_state(&simulator.act(&taken, "cancel").await));
    let canceled = simulator.prepare("ord_2").await;
    simulator.act(&canceled, "cancel").await;
    assert!(is_unexpected_state(&simulator.act(&canceled, "cancel").await));
}

#[tokio::test]
async fn refunds_give_back_no_more_than_was_taken() {
    let simulator = Simulator::start().await;
    let id = simulator.authorize("ord_1").await;
    let refund = |amount: &'static str| [("payment_intent", id.clone()), ("amount", amount.to_owned())];
    let post = async |form: &[(&str, String)]| {
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        simulator.post("refunds", &form).await
    };
    assert_eq!(post(&refund("100")).await.status, 400, "nothing was taken yet");
    simulator.act(&id, "capture").await;
    let part = post(&refund("599")).await;
    assert_eq!(
        (part.text("object"), part.text("status"), part.body["amount"].clone()),
        ("refund".into(), "succeeded".into(), json!(599))
    );
    assert_eq!((part.text("payment_intent"), part.text("currency")), (id.clone(), "usd".into()));
    assert!(part.text("id").starts_with("re_"));
    assert_eq!(post(&refund("4001")).await.error("param"), (400, "amount".into()));
    assert_eq!(post(&refund("4001")[..1]).await.body["amount"], json!(4000), "all that is left");
    assert_eq!(post(&refund("1")).await.error("code"), (400, "charge_already_refunded".into()));
    assert_eq!(simulator.ledger().await, moved(&[("authorize", 4599), ("capture", 4599), ("refund", 599), ("refund", 4000)]));
}

#[tokio::test]
async fn intents_are_listed_newest_first_and_in_pages() {
    let simulator = Simulator::start().await;
    let first = simulator.prepare("ord_1").await;
    simulator.advance(3600).await;
    let second = simulator.prepare("ord_2").await;
    let third = simulator.prepare("ord_3").await;
    let ids = |page: &Answer| -> Vec<String> {
        page.body["data"].as_array().unwrap().iter().map(|intent: &Value| intent["id"].as_str().unwrap().into()).collect()
    };
    let page = simulator.get("payment_intents?limit=2").await;
    assert_eq!((page.text("object"), &page.body["has_more"]), ("list".into(), &json!(true)));
    assert_eq!(ids(&page), [third.clone(), second.clone()]);
    let page = simulator.get(&format!("payment_intents?limit=2&starting_after={second}")).await;
    assert_eq!((ids(&page), &page.body["has_more"]), (vec![first], &json!(false)));
    let created = simulator.get(&format!("payment_intents/{second}")).await.body["created"].as_i64().unwrap();
    let page = simulator.get(&format!("payment_intents?created[gte]={created}")).await;
    assert_eq!(ids(&page), [third, second]);
    assert_eq!(simulator.get("payment_intents?limit=101").await.error("param"), (400, "limit".into()));
    assert_eq!(simulator.get("payment_intents?starting_after=pi_x").await.error("param"), (400, "starting_after".into()));
}

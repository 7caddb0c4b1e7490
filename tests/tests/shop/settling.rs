//! Orders that the click did not finish: each closes by itself, whatever was wrong.

use shared::domain::{event::Fact, order::Status};
use system_tests::{Shop, eventually, new_key, purchase, purchase_with};

const CARD: &str = "pm_card_visa";

#[tokio::test]
async fn an_order_whose_provider_fails_for_a_while_is_received_then_finished_and_charged_once() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for operation in ["prepare", "authorize"] {
        let (key, body) = (new_key(), purchase(&[("candle-beeswax", 1)], CARD));
        let order_id = kareem.order_id(&key);
        shop.fault(&order_id, operation, "error", 6).await;
        let answer = kareem.checkout(&key, &body).await;
        assert_eq!((answer.status, answer.body["status"].as_str()), (202, Some("payment_pending")), "{operation}: {answer:?}");
        let again = kareem.checkout(&key, &body).await;
        assert_eq!((again.status, again.body), (202, answer.body), "the answer is kept for repeats");
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid, "{operation}");
        assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"], "{operation}");
        eventually("the confirmation is sent", || async { !shop.mails(order_id.as_str()).await.is_empty() }).await;
        assert_eq!(shop.mails(order_id.as_str()).await.len(), 1, "one e-mail");
    }
}

/// The click ends with the order open, and dies before it can write that it was told "received".
#[tokio::test]
async fn she_hears_of_a_decline_after_her_click_even_if_that_was_never_noted_as_over() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let (key, body) = (new_key(), purchase(&[("candle-beeswax", 1)], "pm_card_visa_chargeDeclined"));
    let order_id = kareem.order_id(&key);
    shop.fault(&order_id, "prepare", "error", 6).await;
    for occurrence in 1..=3 {
        shop.strike(&order_id, &format!("checkout/dynamodb.PutItem(OrderEventsTable)#{occurrence}"), "error").await;
    }
    let answer = kareem.checkout(&key, &body).await;
    assert_eq!((answer.status, answer.body["status"].as_str()), (202, Some("pending")), "{answer:?}");
    assert_eq!(shop.closed(&order_id).await.status(), Status::Rejected);
    assert!(shop.event_names(&order_id).await.contains(&"PaymentDeferred"), "the settlement wrote it");
    eventually("the rejection is told", || async { !shop.mails(order_id.as_str()).await.is_empty() }).await;
}

/// What became of it is not known then: it may have been declined.
#[tokio::test]
async fn an_order_that_cannot_be_read_after_its_click_is_not_called_received() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let (key, body) = (new_key(), purchase(&[("candle-beeswax", 1)], "pm_card_visa_chargeDeclined"));
    for occurrence in 2..=4 {
        let read = format!("checkout/dynamodb.Query(OrderEventsTable)#{occurrence}");
        shop.strike(&kareem.order_id(&key), &read, "error").await;
    }
    let answer = kareem.checkout(&key, &body).await;
    assert_eq!(answer.problem(), (503, "overloaded"), "{answer:?}");
    let again = kareem.checkout_patiently(&key, &body).await;
    assert_eq!(again.problem(), (402, "payment_declined"), "{again:?}");
}

#[tokio::test]
async fn a_confirmed_order_is_captured_and_its_tokens_go() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase(&[("mug-speckled", 2)], CARD)).await.status, 201);
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"]);
    eventually("the guard removed the tokens", || async {
        shop.details(&order_id).await.is_some_and(|details| details.payment_methods.is_empty())
    })
    .await;
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_is_read_and_never_taken_twice() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for fault in ["lose_answer", "error_after", "error"] {
        let key = new_key();
        let order_id = kareem.order_id(&key);
        shop.fault(&order_id, "capture", fault, 2).await;
        assert_eq!(kareem.checkout(&key, &purchase(&[("mug-speckled", 1)], CARD)).await.status, 201);
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid, "{fault}");
        assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"], "{fault}");
    }
}

#[tokio::test]
async fn a_void_that_fails_is_tried_again_until_the_hold_is_gone() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    shop.fault(&order_id, "void", "error", 3).await;
    let answer = kareem.checkout(&key, &purchase(&[("cushion-saffron", 2)], "pm_card_visa_chargeDeclined")).await;
    assert_eq!(answer.problem(), (402, "payment_declined"));
    let order = shop.closed(&order_id).await;
    assert_eq!(order.status(), Status::Rejected);
    assert!(order.attempt(1).unwrap().voided, "a declined payment could be confirmed again, so it is cancelled too");
    assert_eq!(shop.mails(order_id.as_str()).await.len(), 0, "she was told on the page");
}

/// Whoever cancels first and dies before it is written leaves an attempt that may be authorised by another meanwhile.
#[tokio::test]
async fn an_attempt_is_not_cancelled_before_the_events_call_it_abandoned() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    shop.fault(&order_id, "authorize", "error", 1).await;
    // The first names the attempt, the next are the tries to abandon it.
    for occurrence in 2..=4 {
        let abandon = format!("authorize-payment/dynamodb.PutItem(OrderEventsTable)#{occurrence}");
        shop.strike(&order_id, &abandon, "error").await;
    }
    let methods = [("stripe", CARD), ("paypal", "vault_ok")];
    let answer = kareem.checkout(&key, &purchase_with(&[("honey-jar", 1)], &methods)).await;
    assert!([201, 202].contains(&answer.status), "{answer:?}");
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    assert!(!shop.event_names(&order_id).await.contains(&"PaymentAbandoned"), "it was tried again");
    let asked = shop.asked_of_providers(&order_id).await;
    assert!(!asked.iter().any(|operation| operation == "void"), "{asked:?}");
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"]);
}

#[tokio::test]
async fn stripe_that_is_down_at_the_start_leaves_the_charge_to_paypal() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    shop.fault(&order_id, "prepare", "error", 50).await;
    let methods = [("stripe", CARD), ("paypal", "vault_ok")];
    let answer = kareem.checkout(&key, &purchase_with(&[("honey-jar", 1)], &methods)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.body["payment"]["provider"], "paypal");
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    assert_eq!(shop.ledger_at("paypal", &order_id).await, ["authorize", "capture"]);
    assert_eq!(shop.ledger_at("stripe", &order_id).await, [""; 0]);
}

#[tokio::test]
async fn an_attempt_that_was_not_done_is_cancelled_before_another_method_is_tried() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    shop.fault(&order_id, "authorize", "error", 1).await;
    let methods = [("stripe", CARD), ("paypal", "vault_ok")];
    let answer = kareem.checkout(&key, &purchase_with(&[("honey-jar", 1)], &methods)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let names = shop.event_names(&order_id).await;
    let place = |name: &str| names.iter().position(|other| *other == name).unwrap_or_else(|| panic!("no {name} in {names:?}"));
    assert!(place("PaymentAbandoned") < place("PaymentVoided") && place("PaymentVoided") < place("PaymentAuthorized"));
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    assert_eq!(shop.ledger_at("paypal", &order_id).await, ["authorize", "capture"]);
    assert_eq!(shop.ledger_at("stripe", &order_id).await, [""; 0], "nothing was ever held at Stripe");
}

/// Stripe's card is with its issuer for two seconds, PayPal's payment in review for a day.
#[tokio::test]
async fn a_provider_that_has_not_decided_is_awaited_and_no_other_method_is_tried() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let buy = async |methods: &[(&str, &str)]| {
        let key = new_key();
        let answer = kareem.checkout(&key, &purchase_with(&[("honey-jar", 1)], methods)).await;
        (kareem.order_id(&key), answer)
    };
    let (order_id, answer) = buy(&[("stripe", "pm_processing"), ("paypal", "vault_ok")]).await;
    assert!([201, 202].contains(&answer.status), "{answer:?}");
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    assert_eq!(shop.ledger_at("stripe", &order_id).await, ["authorize", "capture"]);
    assert_eq!(shop.ledger_at("paypal", &order_id).await, [""; 0]);

    let (order_id, answer) = buy(&[("paypal", "vault_pending"), ("stripe", CARD)]).await;
    assert_eq!((answer.status, answer.body["status"].as_str()), (202, Some("payment_pending")), "{answer:?}");
    eventually("a settlement looks at it", || async { shop.calls(&order_id, "authorize-payment/paypal.GetOrder").await >= 3 })
        .await;
    assert_eq!(kareem.cancel_patiently(&order_id).await.status, 200);
    assert_eq!(shop.closed(&order_id).await.status(), Status::Cancelled);
    for provider in ["paypal", "stripe"] {
        assert_eq!(shop.ledger_at(provider, &order_id).await, [""; 0], "{provider}");
    }
    let names = shop.event_names(&order_id).await;
    assert!(!names.contains(&"PaymentAbandoned"), "{names:?}");
}

#[tokio::test]
async fn an_order_that_waits_for_the_customer_tells_her_where_and_goes_on_when_she_has_been_there() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    for (provider, token, path, button) in [
        ("stripe", "pm_card_authenticationRequired", "3d_secure", "Confirm"),
        ("paypal", "vault_action", "checkoutnow", "Approve"),
    ] {
        let (key, body) = (new_key(), purchase_with(&[("tea-glasses", 1)], &[(provider, token)]));
        let order_id = amina.order_id(&key);
        let answer = amina.checkout(&key, &body).await;
        assert_eq!((answer.status, answer.body["payment"]["status"].as_str()), (202, Some("requires_action")), "{answer:?}");
        let url = answer.body["payment"]["action"]["url"].as_str().unwrap().to_owned();
        assert_eq!(answer.body["payment"]["action"]["type"], "redirect");
        let again = amina.checkout(&key, &body).await;
        assert_eq!(again.body["payment"]["action"]["url"], url.as_str(), "read anew for a repeat");
        let events = serde_json::to_string(&shop.events().load(&order_id).await.unwrap()).unwrap();
        assert!(url.contains(path) && !events.contains(path), "the link is kept nowhere");
        let page = shop.http.get(&url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains(button), "{page}");
        let confirm = shop.http.post(&url).header("Content-Type", "application/x-www-form-urlencoded").body("answer=yes");
        assert!(confirm.send().await.unwrap().status().is_redirection());
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid, "{provider}");
        assert_eq!(shop.ledger_at(provider, &order_id).await, ["authorize", "capture"]);
        let is_told = async |words: &str| shop.subjects(&order_id).await.iter().any(|subject| subject.starts_with(words));
        eventually("it is confirmed by e-mail", || is_told("Confirmed")).await;
        // A click that is so slow that the guard comes first may have been answered by nobody.
        let events = shop.events().load(&order_id).await.unwrap();
        let unanswered = events.iter().any(|event| event.fact == Fact::PaymentDeferred { unanswered: true });
        assert!(unanswered || !is_told("Please confirm").await, "what the page told her is not told by mail");
    }
}

/// Her bank waits, and the checkout that had to tell her where dies.
#[tokio::test]
async fn who_was_never_told_that_her_bank_waits_for_her_reads_it_in_an_e_mail() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let (key, body) = (new_key(), purchase(&[("tea-glasses", 1)], "pm_card_authenticationRequired"));
    let order_id = amina.order_id(&key);
    shop.strike(&order_id, "checkout/dynamodb.PutItem(OrderEventsTable)#1", "kill_before").await;
    let click = shop.http.post(shop.url("/v1/checkout")).bearer_auth(&amina.token).header("Idempotency-Key", key).json(&body);
    assert!(click.send().await.unwrap().status().is_server_error(), "the checkout died");
    eventually("she is written to", || async { !shop.mails(order_id.as_str()).await.is_empty() }).await;
    let subjects = shop.subjects(&order_id).await;
    assert!(subjects.len() == 1 && subjects[0].starts_with("Please confirm"), "{subjects:?}");
    let cancelled = amina.cancel_patiently(&order_id).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(shop.closed(&order_id).await.status(), Status::Cancelled);
}

#[tokio::test]
async fn a_customer_pays_only_with_methods_of_her_own() {
    let shop = Shop::running();
    let (kareem, amina) = (shop.sign_in("kareem").await, shop.sign_in("amina").await);
    for (provider, prefix) in [("stripe", "pm_of_"), ("paypal", "vault_of_")] {
        let token = format!("{prefix}{}", amina.id);
        let body = purchase_with(&[("honey-jar", 1)], &[(provider, &token)]);
        let refused = kareem.checkout(&new_key(), &body).await;
        assert_eq!(refused.problem(), (400, "validation_failed"), "{refused:?}");
        assert_eq!(refused.body["errors"][0]["pointer"], "/payment_methods/0/token");
        let key = new_key();
        let paid = amina.checkout(&key, &body).await;
        assert_eq!(paid.status, 201, "{provider}: {paid:?}");
        assert_eq!(shop.closed(&amina.order_id(&key)).await.status(), Status::Paid);
    }
    let stranger = kareem.checkout(&new_key(), &purchase_with(&[("honey-jar", 1)], &[("paypal", "no_such_token")])).await;
    assert_eq!(stranger.problem(), (400, "validation_failed"));
}

#[tokio::test]
async fn paypal_declines_like_a_card() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for token in ["vault_declined", "vault_instrument_declined"] {
        let key = new_key();
        let answer = kareem.checkout(&key, &purchase_with(&[("honey-jar", 1)], &[("paypal", token)])).await;
        assert_eq!(answer.problem(), (402, "payment_declined"), "{token}: {answer:?}");
        assert_eq!(shop.closed(&kareem.order_id(&key)).await.status(), Status::Rejected, "{token}");
    }
}

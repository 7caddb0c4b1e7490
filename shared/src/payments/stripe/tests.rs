//! What each of Stripe's answers means, and what Stripe is asked.

use serde_json::{Value, json};

use super::*;
use crate::{
    domain::money::Currency,
    payments::canned::{Canned, LIMITS, Script, secrets_manager, stored},
};

const USD: fn(u64) -> Money = |amount| Money { amount, currency: Currency::USD };

fn stripe(canned: &Canned) -> Stripe {
    Stripe::new(canned.url.clone(), "https://shop.example/", "sk_test_1".into(), LIMITS)
}

fn order_id() -> OrderId {
    "ord_00000000000000000000000000000001".parse().unwrap()
}

fn refund_id() -> RefundId {
    RefundId::for_request(&order_id(), "k")
}

fn ok(body: Value) -> Script {
    Script::Json(200, body)
}

fn error(status: u16, error: &Value) -> Script {
    Script::Json(status, json!({"error": error}))
}

fn intent(status: &str) -> Value {
    json!({"id": "pi_1", "status": status})
}

async fn authorize(answer: Script) -> Result<PaymentState, PaymentError> {
    let canned = Canned::answering([answer]).await;
    stripe(&canned).authorize(&order_id(), "pi_1", &"pm_1".into()).await
}

async fn read(body: Value) -> Result<PaymentState, PaymentError> {
    let canned = Canned::answering([ok(body)]).await;
    stripe(&canned).read("pi_1").await
}

#[tokio::test]
async fn an_intent_is_prepared_without_a_method_for_the_customer_who_owns_it() {
    let canned = Canned::answering([ok(intent("requires_payment_method")), ok(intent("requires_payment_method"))]).await;
    let stripe = stripe(&canned);
    let mut preparation = Preparation { order_id: &order_id(), attempt: 2, amount: USD(4599), account: Some("cus_1") };
    assert_eq!(stripe.prepare(&preparation).await.unwrap(), "pi_1");
    preparation.account = None;
    stripe.prepare(&preparation).await.unwrap();
    let [with, without] = &canned.asked()[..] else { panic!() };
    assert_eq!(with.line, "POST /v1/payment_intents");
    let expected = [
        ("amount", "4599"),
        ("currency", "usd"),
        ("capture_method", "manual"),
        ("payment_method_types[]", "card"),
        ("metadata[order_id]", "ord_00000000000000000000000000000001"),
        ("metadata[attempt]", "2"),
        ("customer", "cus_1"),
    ];
    assert_eq!(with.form(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(without.field("customer"), None);
    assert_eq!(with.header("stripe-version"), Some(API_VERSION));
    assert_eq!(with.header("authorization"), Some("Bearer sk_test_1"));
    assert!(with.header("user-agent").unwrap().starts_with("souk/"));
    assert_ne!(with.header("idempotency-key").unwrap(), without.header("idempotency-key").unwrap(), "a decision, a key");
}

#[tokio::test]
async fn every_failure_to_prepare_is_certain() {
    for answer in [Script::Json(500, json!({})), Script::Json(409, json!({})), Script::Break, Script::Silence, ok(json!({}))] {
        let canned = Canned::answering([answer.clone(), answer.clone()]).await;
        let preparation = Preparation { order_id: &order_id(), attempt: 1, amount: USD(1), account: None };
        let failed = stripe(&canned).prepare(&preparation).await.unwrap_err();
        assert!(matches!(failed, PaymentError::Failed { .. }), "{answer:?}: {failed}");
    }
}

/// A connection that outlived a freeze is dead, and the provider is well. No money moves, and the key is the same.
#[tokio::test]
async fn a_preparation_whose_connection_broke_is_sent_once_more_under_its_key_and_not_another_time() {
    let preparation = Preparation { order_id: &order_id(), attempt: 1, amount: USD(1), account: None };
    let canned = Canned::answering([Script::Break, ok(intent("requires_payment_method"))]).await;
    assert_eq!(stripe(&canned).prepare(&preparation).await.as_deref(), Ok("pi_1"));
    let asked = canned.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
    for first in [Script::Json(500, json!({})), Script::Silence] {
        let canned = Canned::answering([first, ok(intent("requires_payment_method"))]).await;
        stripe(&canned).prepare(&preparation).await.unwrap_err();
        assert_eq!(canned.asked().len(), 1, "whoever is slow or fails is not asked again at once");
    }
}

#[tokio::test]
async fn a_confirmation_names_the_method_and_where_she_comes_back_to() {
    let held = json!({"id": "pi_1", "status": "requires_capture", "latest_charge":
        {"id": "ch_1", "payment_method_details": {"card": {"capture_before": 1_764_700_000}}}});
    let canned = Canned::answering([ok(held)]).await;
    let state = stripe(&canned).authorize(&order_id(), "pi_1", &"pm_1".into()).await.unwrap();
    assert_eq!(state, PaymentState::Authorized { capture_before: Timestamp::from_second(1_764_700_000).ok() });
    let asked = &canned.asked()[0];
    assert_eq!(asked.line, "POST /v1/payment_intents/pi_1/confirm");
    assert_eq!(asked.field("payment_method").as_deref(), Some("pm_1"));
    assert_eq!(asked.field("return_url").as_deref(), Some("https://shop.example/#/orders/ord_00000000000000000000000000000001"));
    assert_eq!(asked.field("expand[]").as_deref(), Some("latest_charge"));
}

#[tokio::test]
async fn each_status_of_an_intent_has_its_meaning() {
    for (status, state) in [
        ("requires_payment_method", PaymentState::Prepared),
        ("requires_confirmation", PaymentState::Prepared),
        ("requires_action", PaymentState::ActionRequired),
        ("processing", PaymentState::Undecided),
        ("requires_capture", PaymentState::Authorized { capture_before: None }),
        ("succeeded", PaymentState::Captured),
        ("canceled", PaymentState::Voided),
        ("something_new", PaymentState::Undecided),
    ] {
        assert_eq!(read(intent(status)).await, Ok(state), "{status}");
    }
}

#[tokio::test]
async fn a_charge_that_is_not_expanded_says_nothing_of_its_end() {
    let held = read(json!({"id": "pi_1", "status": "requires_capture", "latest_charge": "ch_1"})).await;
    assert_eq!(held, Ok(PaymentState::Authorized { capture_before: None }));
}

#[tokio::test]
async fn an_intent_that_was_never_confirmed_is_not_taken_for_a_declined_one() {
    let refused = json!({"id": "pi_1", "status": "requires_payment_method", "last_payment_error":
        {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}});
    assert_eq!(read(refused).await, Ok(PaymentState::Declined("insufficient_funds".into())));
    assert_eq!(read(intent("requires_payment_method")).await, Ok(PaymentState::Prepared));
}

#[tokio::test]
async fn a_decline_code_is_stripes_else_its_code() {
    let declined = error(402, &json!({"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}));
    assert_eq!(authorize(declined).await, Ok(PaymentState::Declined("insufficient_funds".into())));
    let expired = error(402, &json!({"type": "card_error", "code": "expired_card"}));
    assert_eq!(authorize(expired).await, Ok(PaymentState::Declined("expired_card".into())));
}

#[tokio::test]
async fn a_token_that_stripe_does_not_know_declines_the_order() {
    let body = |param: &str| json!({"type": "invalid_request_error", "code": "resource_missing", "param": param});
    assert_eq!(authorize(error(400, &body("payment_method"))).await, Ok(PaymentState::Declined("resource_missing".into())));
    assert!(matches!(authorize(error(404, &body("intent"))).await, Err(PaymentError::Failed { .. })));
}

#[tokio::test]
async fn what_is_sent_to_stripe_goes_nowhere_else() {
    let canned = Canned::answering([Script::WithHeader(307, json!({}), "location: /elsewhere"), ok(intent("succeeded"))]).await;
    assert!(stripe(&canned).authorize(&order_id(), "pi_1", &"pm_1".into()).await.is_err());
    assert_eq!(canned.lines().len(), 1, "a redirect is not followed: {:?}", canned.lines());
}

#[tokio::test]
async fn a_method_that_is_used_up_declines_the_order_though_stripe_names_no_code() {
    let message = "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a \
                   connected account without Customer attachment, or was detached from a Customer. It may not be used again. To \
                   use a PaymentMethod multiple times, you must attach it to a Customer first.";
    let used_up = |kind: &str| json!({"type": kind, "message": message});
    assert!(matches!(authorize(error(400, &used_up("invalid_request_error"))).await, Ok(PaymentState::Declined(_))));
    assert!(matches!(authorize(error(400, &used_up("api_error"))).await, Err(PaymentError::Failed { .. })));
    let other = json!({"type": "invalid_request_error", "message": "Something else."});
    assert!(matches!(authorize(error(400, &other)).await, Err(PaymentError::Failed { .. })));
}

#[tokio::test]
async fn what_may_have_happened_is_unknown_and_what_cannot_have_is_a_failure() {
    for (status, outage) in [(409, false), (500, true), (502, true), (503, true)] {
        let unknown = authorize(error(status, &json!({"type": "api_error"}))).await.unwrap_err();
        assert!(matches!(unknown, PaymentError::Unknown { .. }), "{status}");
        assert_eq!(unknown.is_outage(), outage, "{status}");
    }
    for status in [400, 401, 403, 404, 429] {
        let failed = authorize(error(status, &json!({"type": "x"}))).await.unwrap_err();
        assert!(matches!(failed, PaymentError::Failed { outage: false, .. }), "{status}");
    }
    for answer in [Script::Break, Script::Silence] {
        let unknown = authorize(answer).await.unwrap_err();
        assert!(matches!(unknown, PaymentError::Unknown { outage: true, .. }), "{unknown}");
    }
    for param in [json!(null), json!("payment_method")] {
        let overtaken = json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state", "param": param});
        assert!(matches!(authorize(error(400, &overtaken)).await, Err(PaymentError::Unknown { outage: false, .. })), "{param}");
    }
}

#[tokio::test]
async fn an_error_tells_codes_and_never_a_message_or_a_token() {
    let told = error(400, &json!({"type": "invalid_request_error", "code": "x", "message": "No such method: 'pm_1'"}));
    let failed = authorize(told).await.unwrap_err().to_string();
    assert_eq!(failed, "stripe did not do it: 400 invalid_request_error x");
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_certain_and_an_outage() {
    let nobody = "http://127.0.0.1:1".parse().unwrap();
    let stripe = Stripe::new(nobody, "https://shop.example", "sk".into(), LIMITS);
    let failed = stripe.authorize(&order_id(), "pi_1", &"pm_1".into()).await.unwrap_err();
    assert!(matches!(failed, PaymentError::Failed { outage: true, .. }), "{failed}");
}

#[tokio::test]
async fn an_authorisation_is_never_sent_twice_and_a_read_once_more() {
    for first in [Script::Json(503, json!({})), Script::Json(429, json!({})), Script::Break] {
        let canned = Canned::answering([first, ok(intent("succeeded"))]).await;
        stripe(&canned).authorize(&order_id(), "pi_1", &"pm_1".into()).await.unwrap_err();
        assert_eq!(canned.asked().len(), 1);
    }
    for first in [Script::Json(503, json!({})), Script::Json(429, json!({})), Script::Break] {
        let canned = Canned::answering([first, ok(intent("succeeded"))]).await;
        assert_eq!(stripe(&canned).read("pi_1").await, Ok(PaymentState::Captured));
        assert_eq!(canned.asked().len(), 2);
    }
    let canned = Canned::answering([Script::Json(503, json!({})), Script::Json(503, json!({}))]).await;
    stripe(&canned).read("pi_1").await.unwrap_err();
    assert_eq!(canned.asked().len(), 2, "once more, not more");
}

#[tokio::test]
async fn a_repeat_waits_as_long_as_stripe_asks_or_is_not_sent() {
    let canned = Canned::answering([Script::WithHeader(429, json!({}), "retry-after: 60"), ok(intent("succeeded"))]).await;
    let failed = stripe(&canned).read("pi_1").await.unwrap_err();
    assert!(matches!(failed, PaymentError::Failed { outage: false, .. }));
    assert_eq!(canned.asked().len(), 1);
    let canned = Canned::answering([Script::WithHeader(429, json!({}), "retry-after: 1"), ok(intent("succeeded"))]).await;
    let begun = std::time::Instant::now();
    assert_eq!(stripe(&canned).read("pi_1").await, Ok(PaymentState::Captured));
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1));
}

#[tokio::test]
async fn a_call_never_outlasts_its_limit_however_many_requests_it_makes() {
    let canned = Canned::answering([Script::Json(500, json!({})), Script::Silence]).await;
    let begun = std::time::Instant::now();
    let unknown = stripe(&canned).void("pi_1").await.unwrap_err();
    assert!(matches!(unknown, PaymentError::Unknown { .. }));
    assert!(begun.elapsed() < LIMITS.call + std::time::Duration::from_millis(500));
}

#[tokio::test]
async fn the_url_is_told_only_while_stripe_waits_for_her() {
    let url = |status: &str| json!({"id": "pi_1", "status": status, "next_action": {"redirect_to_url": {"url": "https://3ds.example"}}});
    for (status, expected) in [("requires_action", Some("https://3ds.example")), ("succeeded", None), ("processing", None)] {
        let canned = Canned::answering([ok(url(status))]).await;
        let found = stripe(&canned).action_url("pi_1").await.unwrap();
        assert_eq!(found.as_ref().map(|url| url.expose_secret()), expected, "{status}");
    }
}

#[tokio::test]
async fn a_void_or_a_capture_whose_answer_does_not_tell_is_read() {
    let overtaken = || error(400, &json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}));
    for first in [overtaken(), Script::Json(500, json!({})), Script::Break] {
        let canned = Canned::answering([first.clone(), ok(intent("canceled"))]).await;
        assert_eq!(stripe(&canned).void("pi_1").await, Ok(PaymentState::Voided));
        let canned = Canned::answering([first, ok(intent("succeeded"))]).await;
        assert_eq!(stripe(&canned).capture("pi_1", USD(4599)).await, Ok(PaymentState::Captured));
        assert_eq!(canned.lines()[1], "GET /v1/payment_intents/pi_1?expand%5B%5D=latest_charge");
    }
}

#[tokio::test]
async fn an_act_stays_unknown_when_reading_fails_though_the_read_did_certainly_nothing() {
    let refused = || Script::Json(403, json!({}));
    let canned = Canned::answering([Script::Json(500, json!({})), refused()]).await;
    let unknown = stripe(&canned).capture("pi_1", USD(4599)).await.unwrap_err();
    assert!(matches!(unknown, PaymentError::Unknown { .. }), "{unknown}");
}

#[tokio::test]
async fn a_capture_takes_the_amount_and_one_that_is_declined_is_read() {
    let canned = Canned::answering([ok(intent("succeeded"))]).await;
    assert_eq!(stripe(&canned).capture("pi_1", USD(4599)).await, Ok(PaymentState::Captured));
    assert_eq!(canned.lines(), ["POST /v1/payment_intents/pi_1/capture"]);
    assert_eq!(canned.asked()[0].field("amount_to_capture").as_deref(), Some("4599"));
    let declined = error(402, &json!({"type": "card_error", "code": "card_declined"}));
    let canned = Canned::answering([declined, ok(intent("canceled"))]).await;
    assert_eq!(stripe(&canned).capture("pi_1", USD(4599)).await, Ok(PaymentState::Voided));
}

async fn owner(answers: Vec<Script>) -> Result<MethodOwner, PaymentError> {
    let canned = Canned::answering(answers).await;
    stripe(&canned).owner(&"pm_1".into()).await
}

#[tokio::test]
async fn a_method_is_whose_stripe_says_it_is() {
    let attached = || ok(json!({"id": "pm_1", "customer": "cus_1"}));
    assert_eq!(owner(vec![ok(json!({"id": "pm_1", "customer": null}))]).await, Ok(MethodOwner::Bearer));
    assert_eq!(owner(vec![Script::Json(404, json!({}))]).await, Ok(MethodOwner::Bearer), "declined when it is used");
    let hers = ok(json!({"id": "cus_1", "metadata": {"customer_id": "kareem"}}));
    let kareem = MethodOwner::Customer { id: CustomerId("kareem".into()), account: Some("cus_1".into()) };
    assert_eq!(owner(vec![attached(), hers]).await, Ok(kareem));
    for stranger in [
        ok(json!({"id": "cus_1", "metadata": {}})),
        ok(json!({"id": "cus_1", "metadata": {"customer_id": ""}})),
        ok(json!({"id": "cus_1", "deleted": true})),
        Script::Json(404, json!({})),
    ] {
        assert_eq!(owner(vec![attached(), stranger]).await, Ok(MethodOwner::Stranger));
    }
    assert!(matches!(owner(vec![Script::Json(403, json!({}))]).await, Err(PaymentError::Failed { .. })));
}

#[tokio::test]
async fn a_key_that_stripe_refuses_is_read_again_and_any_other_is_kept() {
    for (status, reads) in [(401, 2), (403, 1)] {
        let secrets = Canned::answering(["sk_old", "sk_new"].map(|key| stored(&json!({"api_key": key})))).await;
        let canned = Canned::answering([Script::Json(status, json!({})), ok(intent("succeeded"))]).await;
        let secret = CachedSecret::stored(secrets_manager(&secrets), "stripe");
        let stripe = Stripe::with_secret(canned.url.clone(), "https://shop.example/".into(), secret, LIMITS);
        assert!(matches!(stripe.read("pi_1").await, Err(PaymentError::Failed { .. })));
        assert_eq!(stripe.read("pi_1").await, Ok(PaymentState::Captured));
        assert_eq!(secrets.asked().len(), reads, "{status}");
        let key = if reads == 2 { "Bearer sk_new" } else { "Bearer sk_old" };
        assert_eq!(canned.asked()[1].header("authorization"), Some(key), "{status}");
    }
}

#[tokio::test]
async fn what_is_no_token_leads_to_no_other_path() {
    let canned = Canned::answering([]).await;
    for token in ["../customers/cus_1", "pm_1/attach", "pm_1?expand[]=customer", "", "..", "pm 1"] {
        assert_eq!(stripe(&canned).owner(&token.into()).await, Ok(MethodOwner::Bearer), "{token}");
    }
    assert!(canned.asked().is_empty());
    assert!(stripe(&canned).read("..").await.is_err());
    stripe(&canned).read("../customers").await.unwrap_err();
    assert!(canned.lines().iter().all(|line| line.starts_with("GET /v1/payment_intents/..%2Fcustomers")), "{:?}", canned.lines());
}

async fn refund(answers: Vec<Script>) -> Result<RefundState, PaymentError> {
    let canned = Canned::answering(answers).await;
    stripe(&canned).refund("pi_1", &refund_id(), "key", USD(100)).await
}

#[tokio::test]
async fn a_refund_is_known_to_stripe_by_our_id_twice_over() {
    let canned = Canned::answering([ok(json!({"id": "re_1", "status": "succeeded"}))]).await;
    assert_eq!(stripe(&canned).refund("pi_1", &refund_id(), "key", USD(100)).await, Ok(RefundState::Refunded));
    let asked = &canned.asked()[0];
    assert_eq!(asked.line, "POST /v1/refunds");
    assert_eq!(asked.header("idempotency-key"), Some("key"));
    assert_eq!(asked.field("metadata[refund_id]").as_deref(), Some(refund_id().as_str()));
    assert_eq!((asked.field("payment_intent").as_deref(), asked.field("amount").as_deref()), (Some("pi_1"), Some("100")));
}

#[tokio::test]
async fn each_status_of_a_refund_has_its_meaning() {
    let of = |body: Value| refund(vec![ok(body)]);
    assert_eq!(of(json!({"id": "re_1", "status": "pending"})).await, Ok(RefundState::Pending));
    assert_eq!(of(json!({"id": "re_1", "status": "requires_action"})).await, Ok(RefundState::Pending));
    assert_eq!(of(json!({"id": "re_1", "status": "canceled"})).await, Ok(RefundState::Failed("canceled".into())));
    let failed = of(json!({"id": "re_1", "status": "failed", "failure_reason": "lost_or_stolen_card"})).await;
    assert_eq!(failed, Ok(RefundState::Failed("lost_or_stolen_card".into())));
    assert!(matches!(refund(vec![Script::Json(500, json!({}))]).await, Err(PaymentError::Unknown { .. })));
    assert!(matches!(refund(vec![Script::Json(400, json!({}))]).await, Err(PaymentError::Failed { .. })));
}

#[tokio::test]
async fn money_that_went_back_already_went_by_this_refund_or_another() {
    let gone = || error(400, &json!({"type": "invalid_request_error", "code": "charge_already_refunded"}));
    let listed =
        |id: &str| ok(json!({"data": [{"id": "re_1", "status": "succeeded", "metadata": {"refund_id": id}}], "has_more": false}));
    assert_eq!(refund(vec![gone(), listed(refund_id().as_str())]).await, Ok(RefundState::Refunded));
    assert_eq!(refund(vec![gone(), listed("ref_other")]).await, Ok(RefundState::Failed("charge_already_refunded".into())));
    assert!(matches!(refund(vec![gone(), Script::Json(403, json!({}))]).await, Err(PaymentError::Unknown { .. })));
    let too_much = || error(400, &json!({"type": "invalid_request_error", "param": "amount"}));
    assert_eq!(refund(vec![too_much(), listed(refund_id().as_str())]).await, Ok(RefundState::Refunded));
    assert!(matches!(refund(vec![too_much(), listed("ref_other")]).await, Ok(RefundState::Failed(_))), "less is left");
    let throttled = error(429, &json!({"type": "invalid_request_error", "param": "amount"}));
    assert!(matches!(refund(vec![throttled]).await, Err(PaymentError::Failed { .. })), "it was not looked at");
    let other = error(400, &json!({"type": "invalid_request_error", "code": "amount_too_small"}));
    let failed = refund(vec![other, listed(refund_id().as_str())]).await;
    assert!(matches!(failed, Err(PaymentError::Failed { .. })), "it is not looked for: {failed:?}");
}

#[tokio::test]
async fn a_refund_is_looked_for_on_every_page() {
    let page = |id: &str, of: &str, more: bool| {
        ok(json!({"data": [{"id": id, "status": "pending", "metadata": {"refund_id": of}}], "has_more": more}))
    };
    let canned = Canned::answering([page("re_1", "ref_other", true), page("re_2", refund_id().as_str(), false)]).await;
    let found = stripe(&canned).find_refund("pi_1", &refund_id()).await;
    assert_eq!(found, Ok(Some(RefundState::Pending)));
    let expected =
        ["GET /v1/refunds?payment_intent=pi_1&limit=100", "GET /v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_1"];
    assert_eq!(canned.lines(), expected);
    let canned = Canned::answering([page("re_1", "ref_other", false)]).await;
    assert_eq!(stripe(&canned).find_refund("pi_1", &refund_id()).await, Ok(None));
}

#[tokio::test]
async fn each_listed_refund_has_its_amount() {
    let listed = ok(json!({"data": [
        {"id": "re_1", "status": "succeeded", "amount": 4599, "currency": "usd", "metadata": {"refund_id": refund_id()}},
        {"id": "re_2", "status": "pending", "amount": 1, "currency": "none", "metadata": null},
    ], "has_more": false}));
    let canned = Canned::answering([listed]).await;
    let expected = [
        ListedRefund { name: Some(refund_id().as_str().into()), amount: Some(USD(4599)), state: RefundState::Refunded },
        ListedRefund { name: None, amount: None, state: RefundState::Pending },
    ];
    assert_eq!(stripe(&canned).refunds("pi_1").await.unwrap(), expected);
}

#[tokio::test]
async fn what_was_taken_is_what_stripe_received() {
    let received = |amount: u64| json!({"id": "pi_1", "status": "succeeded", "amount_received": amount, "currency": "usd"});
    for (body, taken) in [(received(4599), Some(USD(4599))), (received(0), None), (intent("requires_capture"), None)] {
        let canned = Canned::answering([ok(body)]).await;
        assert_eq!(stripe(&canned).taken("pi_1").await, Ok(taken));
    }
    let canned = Canned::answering([error(404, &json!({}))]).await;
    assert!(matches!(stripe(&canned).taken("pi_1").await, Err(PaymentError::Failed { .. })), "not nothing: not known");
}

#[tokio::test]
async fn a_payment_names_its_order_and_one_that_is_not_there_names_none() {
    let named = ok(json!({"id": "pi_1", "status": "succeeded", "metadata": {"order_id": order_id()}}));
    for (answer, expected) in [(named, Some(order_id())), (ok(intent("succeeded")), None), (error(404, &json!({})), None)] {
        let canned = Canned::answering([answer]).await;
        assert_eq!(stripe(&canned).order_of("pi_1").await, Ok(expected));
    }
    let canned = Canned::answering([error(403, &json!({}))]).await;
    assert!(matches!(stripe(&canned).order_of("pi_1").await, Err(PaymentError::Failed { .. })));
}

#[tokio::test]
async fn the_list_names_our_orders() {
    let body = json!({"data": [
        {"id": "pi_1", "status": "succeeded", "metadata": {"order_id": order_id()}},
        {"id": "pi_2", "status": "requires_payment_method", "metadata": null},
    ], "has_more": false});
    let canned = Canned::answering([ok(body)]).await;
    let listed = stripe(&canned).list(Timestamp::from_second(1_764_000_000).unwrap()).await.unwrap();
    let expected = [
        ListedPayment {
            reference: "pi_1".into(),
            names_attempt: true,
            order_id: Some(order_id()),
            state: PaymentState::Captured,
        },
        ListedPayment { reference: "pi_2".into(), names_attempt: true, order_id: None, state: PaymentState::Prepared },
    ];
    assert_eq!(listed, expected);
    assert!(canned.lines()[0].starts_with("GET /v1/payment_intents?created%5Bgte%5D=1764000000"), "{:?}", canned.lines());
}

#[test]
fn the_secret_may_have_no_webhook_secrets_yet() {
    let secret: StripeSecret = serde_json::from_str(r#"{"api_key":"sk_1"}"#).unwrap();
    assert!(secret.webhook_secrets.is_empty());
    let rotating: StripeSecret = serde_json::from_str(r#"{"api_key":"sk_1","webhook_secrets":["whsec_1","whsec_2"]}"#).unwrap();
    assert_eq!(rotating.webhook_secrets.len(), 2);
    assert!(!format!("{rotating:?}").contains("sk_1") && !format!("{rotating:?}").contains("whsec"));
}

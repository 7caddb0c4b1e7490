//! What each answer to an authorisation means, and what an order says of it.

use super::*;

/// What becomes of an order that was just made, when its authorisation is answered so.
async fn authorize(answer: Script) -> Result<PaymentState, PaymentError> {
    let canned = canned([ok(order("CREATED")), answer]).await;
    let paypal = paypal(&canned);
    let reference = prepare(&paypal).await.unwrap();
    paypal.authorize(&order_id(), &reference, &"vault_1".into()).await
}

#[tokio::test]
async fn an_order_that_was_just_made_is_authorised_at_once_with_the_vaulted_method() {
    let canned = canned([ok(order("CREATED")), Script::Json(201, authorized("CREATED"))]).await;
    let paypal = paypal(&canned);
    let reference = prepare(&paypal).await.unwrap();
    let state = paypal.authorize(&order_id(), &reference, &"vault_1".into()).await;
    assert_eq!(state, Ok(PaymentState::Authorized { capture_before: "2026-12-24T20:00:00Z".parse().ok() }));
    let [made, sent] = &acts(&canned)[..] else { panic!() };
    assert_eq!(sent.line, "POST /v2/checkout/orders/5O1/authorize");
    let back = "https://shop.example/#/orders/ord_00000000000000000000000000000001";
    let expected = json!({"payment_source": {"paypal": {
        "vault_id": "vault_1",
        "stored_credential": {"payment_initiator": "MERCHANT", "usage": "SUBSEQUENT"},
        "experience_context": {"return_url": back, "cancel_url": back},
    }}});
    assert_eq!(sent.json(), expected);
    assert_ne!(made.header("paypal-request-id"), sent.header("paypal-request-id"));
}

#[tokio::test]
async fn any_other_order_is_looked_at_before_it_is_authorised() {
    for (found, body) in [("CREATED", "vault_1"), ("APPROVED", "{}")] {
        let canned = canned([ok(order(found)), ok(authorized("CREATED"))]).await;
        let state = paypal(&canned).authorize(&order_id(), "5O1", &"vault_1".into()).await.unwrap();
        assert!(matches!(state, PaymentState::Authorized { .. }));
        assert!(acts(&canned)[1].body.contains(body), "{found}");
        assert_eq!(acts(&canned)[1].body.contains("payment_source"), found == "CREATED", "what she approved is used");
    }
    let canned = canned([ok(authorized("CREATED"))]).await;
    paypal(&canned).authorize(&order_id(), "5O1", &"vault_1".into()).await.unwrap();
    assert_eq!(acts(&canned).len(), 1, "it is authorised already");
}

#[tokio::test]
async fn an_order_that_was_read_since_it_was_made_is_looked_at_before_it_is_authorised() {
    let approved = || ok(order("APPROVED"));
    let canned = canned([ok(order("CREATED")), approved(), approved(), ok(authorized("CREATED"))]).await;
    let paypal = paypal(&canned);
    let reference = prepare(&paypal).await.unwrap();
    paypal.read(&reference).await.unwrap();
    paypal.authorize(&order_id(), &reference, &"vault_1".into()).await.unwrap();
    let asked = acts(&canned);
    assert_eq!(asked.last().unwrap().body, "{}", "what she approved is used");
}

#[tokio::test]
async fn each_authorisation_has_its_meaning_whatever_the_orders_status() {
    let held = PaymentState::Authorized { capture_before: "2026-12-24T20:00:00Z".parse().ok() };
    for (status, state) in [
        ("CREATED", held),
        ("PENDING", PaymentState::Undecided),
        ("DENIED", PaymentState::Declined("denied".into())),
        ("VOIDED", PaymentState::Voided),
        ("EXPIRED", PaymentState::Voided),
        ("CAPTURED", PaymentState::Captured),
        ("PARTIALLY_CAPTURED", PaymentState::Captured),
        ("SOMETHING_NEW", PaymentState::Undecided),
    ] {
        assert_eq!(read(authorized(status)).await, Ok(state), "{status}");
    }
    let denied = order_with(
        "COMPLETED",
        &json!({"authorizations": [{"id": "A1", "status": "DENIED", "processor_response": {"response_code": "5120"}}]}),
    );
    assert_eq!(read(denied).await, Ok(PaymentState::Declined("5120".into())));
    for order in [["DENIED", "VOIDED"], ["VOIDED", "DENIED"]] {
        let twice = order.map(|status| json!({"id": "A1", "status": status}));
        let state = read(order_with("COMPLETED", &json!({"authorizations": twice}))).await;
        assert_eq!(state, Ok(PaymentState::Voided), "a denied one tells only when there is no other");
    }
}

#[tokio::test]
async fn an_order_without_an_authorisation_waits_or_is_dead() {
    for (status, state) in [
        ("CREATED", PaymentState::Prepared),
        ("SAVED", PaymentState::Prepared),
        ("APPROVED", PaymentState::Prepared),
        ("PAYER_ACTION_REQUIRED", PaymentState::ActionRequired),
        ("VOIDED", PaymentState::Voided),
        ("COMPLETED", PaymentState::Undecided),
    ] {
        assert_eq!(read(order(status)).await, Ok(state), "{status}");
    }
}

/// It may have expired unauthorised, or the shop's credentials may be another account's.
#[tokio::test]
async fn that_paypal_does_not_know_an_order_is_no_word_of_its_death() {
    let unknown = || async { canned([Script::Json(404, json!({"name": "RESOURCE_NOT_FOUND"}))]).await };
    assert!(matches!(paypal(&unknown().await).read("5O1").await, Err(PaymentError::Failed { .. })));
    assert!(matches!(paypal(&unknown().await).capture("5O1", USD(4599)).await, Err(PaymentError::Failed { .. })));
    assert!(matches!(paypal(&unknown().await).refunds("5O1").await, Err(PaymentError::Failed { .. })));
    let authorized = paypal(&unknown().await).authorize(&order_id(), "5O1", &"vault_ok".into()).await;
    assert!(matches!(authorized, Err(PaymentError::Failed { .. })), "{authorized:?}");
    let voided = paypal(&unknown().await).void("5O1").await;
    assert_eq!(voided, Ok(PaymentState::Prepared), "as one that was never authorised: it is watched until its hour is over");
}

#[tokio::test]
async fn a_capture_that_was_taken_stays_so_when_money_goes_back_and_one_that_failed_uses_the_hold_up() {
    let of = |authorization: &str, status: &str| {
        let payments = json!({
            "authorizations": [{"id": "A1", "status": authorization}], "captures": [{"id": "C1", "status": status}]});
        order_with("COMPLETED", &payments)
    };
    let with = |status: &str| of("CAPTURED", status);
    for (status, state) in [
        ("COMPLETED", PaymentState::Captured),
        ("PARTIALLY_REFUNDED", PaymentState::Captured),
        ("REFUNDED", PaymentState::Captured),
        ("PENDING", PaymentState::Undecided),
        ("DECLINED", PaymentState::Voided),
        ("FAILED", PaymentState::Voided),
    ] {
        assert_eq!(read(with(status)).await, Ok(state), "{status}");
    }
    // An authorisation that does not say yet that it was captured.
    assert_eq!(read(of("CREATED", "COMPLETED")).await, Ok(PaymentState::Captured));
    assert_eq!(read(of("CREATED", "PENDING")).await, Ok(PaymentState::Undecided), "no second capture is sent");
    assert!(matches!(read(of("CREATED", "DECLINED")).await, Ok(PaymentState::Authorized { .. })));
}

#[tokio::test]
async fn what_is_wrong_with_her_method_declines_it() {
    for name in
        ["INSTRUMENT_DECLINED", "PAYER_CANNOT_PAY", "PAYER_ACCOUNT_RESTRICTED", "TRANSACTION_REFUSED", "TOKEN_ID_NOT_FOUND"]
    {
        assert_eq!(authorize(issue(422, name)).await, Ok(PaymentState::Declined(name.into())));
    }
    let no_such_id = json!({"name": "INVALID_REQUEST", "details": [
        {"issue": "INVALID_PARAMETER_SYNTAX", "field": "/payment_source/paypal/vault_id"}]});
    assert_eq!(authorize(Script::Json(400, no_such_id)).await, Ok(PaymentState::Declined("INVALID_PARAMETER_SYNTAX".into())));
    let ours = json!({"name": "INVALID_REQUEST", "details": [{"issue": "INVALID_PARAMETER_SYNTAX", "field": "/x"}]});
    assert!(matches!(authorize(Script::Json(400, ours)).await, Err(PaymentError::Failed { outage: false, .. })));
}

#[tokio::test]
async fn an_order_that_moved_on_is_unknown_one_that_needs_her_waits_and_one_that_expired_is_dead() {
    for name in ["ORDER_ALREADY_AUTHORIZED", "ORDER_COMPLETED_OR_VOIDED", "MAX_AUTHORIZATION_COUNT_EXCEEDED"] {
        assert!(matches!(authorize(issue(422, name)).await, Err(PaymentError::Unknown { outage: false, .. })), "{name}");
    }
    assert_eq!(authorize(issue(422, "PAYER_ACTION_REQUIRED")).await, Ok(PaymentState::ActionRequired));
    assert_eq!(authorize(ok(order("PAYER_ACTION_REQUIRED"))).await, Ok(PaymentState::ActionRequired));
    assert_eq!(authorize(issue(422, "ORDER_EXPIRED")).await, Ok(PaymentState::Voided));
}

#[tokio::test]
async fn what_may_have_happened_is_unknown_and_what_cannot_have_is_a_failure() {
    for (answer, outage) in [
        (Script::Json(500, json!({})), true),
        (Script::Json(503, json!({})), true),
        (Script::Json(409, json!({})), false),
        (Script::Break, true),
        (Script::Silence, true),
    ] {
        let unknown = authorize(answer.clone()).await.unwrap_err();
        assert!(matches!(unknown, PaymentError::Unknown { .. }), "{answer:?}: {unknown}");
        assert_eq!(unknown.is_outage(), outage, "{answer:?}");
    }
    for status in [400, 403, 404, 422, 429] {
        let failed = authorize(Script::Json(status, json!({}))).await.unwrap_err();
        assert!(matches!(failed, PaymentError::Failed { outage: false, .. }), "{status}");
    }
}

#[tokio::test]
async fn the_url_is_told_only_while_paypal_waits_for_her() {
    for (status, expected) in
        [("PAYER_ACTION_REQUIRED", Some("https://paypal.example/act")), ("CREATED", None), ("APPROVED", None)]
    {
        let canned = canned([ok(order(status))]).await;
        let found = paypal(&canned).action_url("5O1").await.unwrap();
        assert_eq!(found.as_ref().map(|url| url.expose_secret()), expected, "{status}");
    }
}

#[tokio::test]
async fn an_error_tells_names_and_issues_and_never_a_description() {
    let failed = authorize(issue(422, "AMOUNT_MISMATCH")).await.unwrap_err().to_string();
    assert_eq!(failed, "paypal did not do it: 422 UNPROCESSABLE_ENTITY AMOUNT_MISMATCH");
}

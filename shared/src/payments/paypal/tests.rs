//! What each of `PayPal`'s answers means, and what `PayPal` is asked.

use super::*;
use crate::{
    domain::money::Currency,
    payments::canned::{Asked, Canned, LIMITS, Script},
};

const USD: fn(u64) -> Money = |amount| Money { amount, currency: Currency::USD };

fn paypal(canned: &Canned) -> Paypal {
    let secret = PaypalSecret { client_id: "client".into(), client_secret: "hush".into(), webhook_id: "WH".into() };
    Paypal::new(canned.url.clone(), "https://shop.example/", secret, LIMITS)
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

fn granted() -> Script {
    ok(json!({"access_token": "A21", "expires_in": 32400}))
}

fn issue(status: u16, issue: &str) -> Script {
    Script::Json(status, json!({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue, "description": "secret words"}]}))
}

fn order(status: &str) -> Value {
    json!({"id": "5O1", "status": status, "links": [
        {"rel": "approve", "href": "https://paypal.example/approve"},
        {"rel": "payer-action", "href": "https://paypal.example/act"},
    ]})
}

fn order_with(status: &str, payments: &Value) -> Value {
    json!({"id": "5O1", "status": status, "purchase_units": [{"payments": payments}]})
}

fn authorized(status: &str) -> Value {
    order_with(
        "COMPLETED",
        &json!({"authorizations": [{"id": "A1", "status": status, "expiration_time": "2026-12-24T20:00:00Z"}]}),
    )
}

fn captured() -> Value {
    order_with(
        "COMPLETED",
        &json!({
            "authorizations": [{"id": "A1", "status": "CAPTURED"}],
            "captures": [{"id": "C1", "status": "COMPLETED"}],
        }),
    )
}

/// A canned `PayPal` whose first answer is an access token.
async fn canned(answers: impl IntoIterator<Item = Script>) -> Canned {
    Canned::answering(std::iter::once(granted()).chain(answers)).await
}

async fn read(body: Value) -> Result<PaymentState, PaymentError> {
    let canned = canned([ok(body)]).await;
    paypal(&canned).read("5O1").await
}

async fn prepare(paypal: &Paypal) -> Result<String, PaymentError> {
    paypal.prepare(&Preparation { order_id: &order_id(), attempt: 1, amount: USD(4599), account: None }).await
}

/// What becomes of an order that was just made, when its authorisation is answered so.
async fn authorize(answer: Script) -> Result<PaymentState, PaymentError> {
    let canned = canned([ok(order("CREATED")), answer]).await;
    let paypal = paypal(&canned);
    let reference = prepare(&paypal).await.unwrap();
    paypal.authorize(&order_id(), &reference, &"vault_1".into()).await
}

fn acts(canned: &Canned) -> Vec<Asked> {
    canned.asked().into_iter().filter(|asked| !asked.line.ends_with("/v1/oauth2/token")).collect()
}

#[tokio::test]
async fn an_order_is_prepared_without_a_source_and_names_ours() {
    let canned = canned([ok(order("CREATED"))]).await;
    assert_eq!(prepare(&paypal(&canned)).await.unwrap(), "5O1");
    let [token, made] = &canned.asked()[..] else { panic!() };
    assert_eq!((token.line.as_str(), token.body.as_str()), ("POST /v1/oauth2/token", "grant_type=client_credentials"));
    assert_eq!(token.header("authorization"), Some("Basic Y2xpZW50Omh1c2g="));
    assert_eq!(made.line, "POST /v2/checkout/orders");
    let expected = json!({"intent": "AUTHORIZE", "purchase_units": [
        {"custom_id": order_id(), "amount": {"currency_code": "USD", "value": "45.99"}}]});
    assert_eq!(made.json(), expected);
    assert_eq!(made.header("authorization"), Some("Bearer A21"));
    assert_eq!(made.header("prefer"), Some("return=representation"));
    assert!((1..=108).contains(&made.header("paypal-request-id").unwrap().len()));
    assert!(made.header("user-agent").unwrap().starts_with("souk/"));
}

#[tokio::test]
async fn every_failure_to_prepare_is_certain() {
    for answer in [Script::Json(500, json!({})), Script::Json(409, json!({})), Script::Break, Script::Silence, ok(json!({}))] {
        let canned = canned([answer.clone()]).await;
        let failed = prepare(&paypal(&canned)).await.unwrap_err();
        assert!(matches!(failed, PaymentError::Failed { .. }), "{answer:?}: {failed}");
    }
    let canned = canned([]).await;
    let amount = Money { amount: 100_050, currency: Currency::HUF };
    let preparation = Preparation { order_id: &order_id(), attempt: 1, amount, account: None };
    assert!(matches!(paypal(&canned).prepare(&preparation).await, Err(PaymentError::Failed { outage: false, .. })));
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
}

#[tokio::test]
async fn an_order_without_an_authorisation_waits_or_is_gone() {
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
    let gone = canned([Script::Json(404, json!({"name": "RESOURCE_NOT_FOUND"}))]).await;
    assert_eq!(paypal(&gone).read("5O1").await, Ok(PaymentState::Voided));
}

#[tokio::test]
async fn a_capture_that_was_taken_stays_so_when_money_goes_back_and_one_that_failed_uses_the_hold_up() {
    let with = |status: &str| {
        order_with(
            "COMPLETED",
            &json!({
            "authorizations": [{"id": "A1", "status": "CAPTURED"}], "captures": [{"id": "C1", "status": status}]}),
        )
    };
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
async fn an_error_tells_names_and_issues_and_never_a_description() {
    let failed = authorize(issue(422, "AMOUNT_MISMATCH")).await.unwrap_err().to_string();
    assert_eq!(failed, "paypal did not do it: 422 UNPROCESSABLE_ENTITY AMOUNT_MISMATCH");
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
async fn one_token_serves_until_it_is_refused_and_then_one_more_try_is_made() {
    let again = ok(json!({"access_token": "A22", "expires_in": 32400}));
    let refused = || Script::Json(401, json!({}));
    let canned = canned([ok(order("CREATED")), refused(), again, ok(order("APPROVED"))]).await;
    let paypal = paypal(&canned);
    paypal.read("5O1").await.unwrap();
    assert_eq!(paypal.read("5O1").await, Ok(PaymentState::Prepared));
    let tokens: Vec<_> = acts(&canned).iter().map(|asked| asked.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["Bearer A21", "Bearer A21", "Bearer A22"]);
}

#[tokio::test]
async fn a_request_that_is_sent_again_with_a_new_token_is_the_very_same() {
    let canned = canned([Script::Json(401, json!({})), granted(), ok(order("CREATED"))]).await;
    prepare(&paypal(&canned)).await.unwrap();
    let [first, second] = &acts(&canned)[..] else { panic!() };
    assert_eq!(first.header("paypal-request-id"), second.header("paypal-request-id"));
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn a_second_refusal_is_a_failure() {
    let refused = || Script::Json(401, json!({}));
    let canned = canned([refused(), granted(), refused()]).await;
    assert!(matches!(paypal(&canned).read("5O1").await, Err(PaymentError::Failed { outage: false, .. })));
    assert_eq!(acts(&canned).len(), 2);
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_not_used() {
    let short = || ok(json!({"access_token": "A21", "expires_in": 60}));
    let canned = Canned::answering([short(), ok(order("CREATED")), short(), ok(order("CREATED"))]).await;
    let paypal = paypal(&canned);
    paypal.read("5O1").await.unwrap();
    paypal.read("5O1").await.unwrap();
    assert_eq!(canned.asked().len(), 4);
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_a_certain_failure_of_whatever_needed_it() {
    for (answer, outage) in [(Script::Json(503, json!({})), true), (Script::Json(401, json!({})), false), (Script::Break, true)] {
        let canned = Canned::answering([answer.clone(), answer.clone()]).await;
        let failed = paypal(&canned).void("5O1").await.unwrap_err();
        assert!(matches!(failed, PaymentError::Failed { .. }), "{answer:?}: {failed}");
        assert_eq!(failed.is_outage(), outage, "{answer:?}");
    }
}

#[tokio::test]
async fn a_method_is_whose_the_vault_says_it_is() {
    let owner = async |answer| {
        let canned = canned([answer]).await;
        let owner = paypal(&canned).owner(&"vault_1".into()).await;
        assert_eq!(acts(&canned)[0].line, "GET /v3/vault/payment-tokens/vault_1");
        owner
    };
    let of = |id: &str| ok(json!({"id": "vault_1", "customer": {"id": "x", "merchant_customer_id": id}}));
    let kareem = MethodOwner::Customer { id: CustomerId("kareem".into()), account: None };
    assert_eq!(owner(of("kareem")).await, Ok(kareem));
    assert_eq!(owner(of("*")).await, Ok(MethodOwner::Bearer));
    assert_eq!(owner(ok(json!({"id": "vault_1", "customer": {"id": "x"}}))).await, Ok(MethodOwner::Stranger));
    assert_eq!(owner(ok(json!({"id": "vault_1"}))).await, Ok(MethodOwner::Stranger));
    assert_eq!(owner(Script::Json(404, json!({}))).await, Ok(MethodOwner::Stranger));
    assert!(matches!(owner(Script::Json(403, json!({}))).await, Err(PaymentError::Failed { .. })));
}

#[tokio::test]
async fn what_is_no_token_leads_to_no_other_path() {
    let canned = canned([]).await;
    for token in ["../../v2/checkout/orders/5O1", "x/y", "x?y", ""] {
        assert_eq!(paypal(&canned).owner(&token.into()).await, Ok(MethodOwner::Stranger), "{token}");
    }
    assert!(canned.asked().is_empty());
}

#[tokio::test]
async fn a_void_frees_the_hold_and_leaves_what_cannot_be_cancelled_as_it_stands() {
    let held = canned([ok(authorized("CREATED")), Script::Json(204, Value::Null)]).await;
    assert_eq!(paypal(&held).void("5O1").await, Ok(PaymentState::Voided));
    assert_eq!(acts(&held)[1].line, "POST /v2/payments/authorizations/A1/void");
    for (found, state) in [
        (order("CREATED"), PaymentState::Prepared),
        (order("PAYER_ACTION_REQUIRED"), PaymentState::ActionRequired),
        (authorized("VOIDED"), PaymentState::Voided),
        (captured(), PaymentState::Captured),
    ] {
        let canned = canned([ok(found)]).await;
        assert_eq!(paypal(&canned).void("5O1").await, Ok(state));
        assert_eq!(acts(&canned).len(), 1);
    }
}

#[tokio::test]
async fn an_order_whose_one_authorisation_was_denied_is_dead() {
    let denied = canned([ok(authorized("DENIED"))]).await;
    assert_eq!(paypal(&denied).void("5O1").await, Ok(PaymentState::Voided));
    let not_completed = order_with("APPROVED", &json!({"authorizations": [{"id": "A1", "status": "DENIED"}]}));
    let canned = canned([ok(not_completed)]).await;
    assert_eq!(paypal(&canned).void("5O1").await, Ok(PaymentState::Declined("denied".into())));
}

#[tokio::test]
async fn a_void_or_a_capture_whose_answer_does_not_tell_is_read() {
    for first in [Script::Json(500, json!({})), Script::Break, Script::Json(409, json!({})), issue(422, "PREVIOUSLY_CAPTURED")] {
        let canned = canned([ok(authorized("CREATED")), first, ok(captured())]).await;
        assert_eq!(paypal(&canned).void("5O1").await, Ok(PaymentState::Captured));
    }
    for first in [Script::Json(500, json!({})), Script::Break, issue(422, "AUTHORIZATION_ALREADY_CAPTURED")] {
        let canned = canned([ok(authorized("CREATED")), first, ok(captured())]).await;
        assert_eq!(paypal(&canned).capture("5O1", USD(4599)).await, Ok(PaymentState::Captured));
    }
    let unread = canned([ok(authorized("CREATED")), Script::Json(500, json!({})), Script::Json(403, json!({}))]).await;
    assert!(matches!(paypal(&unread).capture("5O1", USD(4599)).await, Err(PaymentError::Unknown { .. })));
}

#[tokio::test]
async fn an_authorisation_that_is_gone_is_paypals_own_word() {
    for name in ["AUTHORIZATION_VOIDED", "AUTHORIZATION_EXPIRED"] {
        let canned = canned([ok(authorized("CREATED")), issue(422, name)]).await;
        assert_eq!(paypal(&canned).capture("5O1", USD(4599)).await, Ok(PaymentState::Voided), "{name}");
    }
    let canned = canned([ok(authorized("CREATED")), issue(422, "PREVIOUSLY_VOIDED")]).await;
    assert_eq!(paypal(&canned).void("5O1").await, Ok(PaymentState::Voided));
}

#[tokio::test]
async fn a_capture_takes_all_of_the_hold_once() {
    let taken = Script::Json(201, json!({"id": "C1", "status": "COMPLETED"}));
    let fresh = canned([ok(authorized("CREATED")), taken]).await;
    assert_eq!(paypal(&fresh).capture("5O1", USD(4599)).await, Ok(PaymentState::Captured));
    let sent = &acts(&fresh)[1];
    assert_eq!(sent.line, "POST /v2/payments/authorizations/A1/capture");
    assert_eq!(sent.json(), json!({"amount": {"currency_code": "USD", "value": "45.99"}, "final_capture": true}));
    let repeat = canned([ok(captured())]).await;
    assert_eq!(paypal(&repeat).capture("5O1", USD(4599)).await, Ok(PaymentState::Captured));
    assert_eq!(acts(&repeat).len(), 1, "nothing is captured twice");
    let refused = canned([ok(authorized("CREATED")), issue(422, "PAYEE_ACCOUNT_RESTRICTED")]).await;
    assert!(matches!(paypal(&refused).capture("5O1", USD(4599)).await, Err(PaymentError::Failed { .. })));
}

async fn refund(answers: Vec<Script>) -> Result<RefundState, PaymentError> {
    let canned = canned(std::iter::once(ok(captured())).chain(answers)).await;
    paypal(&canned).refund("5O1", &refund_id(), USD(100)).await
}

#[tokio::test]
async fn a_refund_is_known_to_paypal_by_our_id_twice_over() {
    let canned = canned([ok(captured()), Script::Json(201, json!({"id": "R1", "status": "COMPLETED"}))]).await;
    assert_eq!(paypal(&canned).refund("5O1", &refund_id(), USD(100)).await, Ok(RefundState::Refunded));
    let sent = &acts(&canned)[1];
    assert_eq!(sent.line, "POST /v2/payments/captures/C1/refund");
    assert_eq!(sent.json(), json!({"amount": {"currency_code": "USD", "value": "1.00"}, "custom_id": refund_id()}));
    assert_eq!(sent.header("paypal-request-id"), Some(refund_id().as_str()));
}

#[tokio::test]
async fn each_answer_to_a_refund_has_its_meaning() {
    let with = |status: &str| Script::Json(201, json!({"id": "R1", "status": status}));
    assert_eq!(refund(vec![with("PENDING")]).await, Ok(RefundState::Pending));
    assert_eq!(refund(vec![with("CANCELLED")]).await, Ok(RefundState::Failed("cancelled".into())));
    assert_eq!(refund(vec![with("FAILED")]).await, Ok(RefundState::Failed("failed".into())));
    assert!(matches!(refund(vec![Script::Json(500, json!({}))]).await, Err(PaymentError::Unknown { .. })));
    assert!(matches!(refund(vec![issue(422, "PENDING_CAPTURE")]).await, Err(PaymentError::Failed { .. })), "later, perhaps");
    let nothing = canned([ok(authorized("CREATED"))]).await;
    assert!(matches!(paypal(&nothing).refund("5O1", &refund_id(), USD(100)).await, Err(PaymentError::Failed { .. })));
}

fn refunded(custom_id: Option<&str>) -> Value {
    order_with(
        "COMPLETED",
        &json!({
            "captures": [{"id": "C1", "status": "REFUNDED"}],
            "refunds": [{"id": "R1", "status": "COMPLETED", "custom_id": custom_id}],
        }),
    )
}

#[tokio::test]
async fn money_that_went_back_already_went_by_this_refund_or_another() {
    let gone = || issue(422, "CAPTURE_FULLY_REFUNDED");
    assert_eq!(refund(vec![gone(), ok(refunded(Some(refund_id().as_str())))]).await, Ok(RefundState::Refunded));
    let other = refund(vec![gone(), ok(refunded(Some("ref_other")))]).await;
    assert_eq!(other, Ok(RefundState::Failed("CAPTURE_FULLY_REFUNDED".into())));
    assert!(matches!(refund(vec![gone(), Script::Json(403, json!({}))]).await, Err(PaymentError::Unknown { .. })));
}

#[tokio::test]
async fn a_payment_names_its_order_and_one_that_is_not_there_names_none() {
    let named = ok(json!({"id": "5O1", "status": "COMPLETED", "purchase_units": [{"custom_id": order_id()}]}));
    let nameless = ok(json!({"id": "5O1", "status": "COMPLETED", "purchase_units": [{}]}));
    let gone = Script::Json(404, json!({"name": "RESOURCE_NOT_FOUND"}));
    for (answer, expected) in [(named, Some(order_id())), (nameless, None), (gone, None)] {
        assert_eq!(paypal(&canned([answer]).await).order_of("5O1").await, Ok(expected));
    }
}

#[tokio::test]
async fn a_refund_that_the_order_does_not_show_whole_is_read_by_itself() {
    let whole = ok(json!({"id": "R1", "status": "COMPLETED", "custom_id": refund_id()}));
    let canned1 = canned([ok(refunded(None)), whole]).await;
    assert_eq!(paypal(&canned1).find_refund("5O1", &refund_id()).await, Ok(Some(RefundState::Refunded)));
    assert_eq!(acts(&canned1)[1].line, "GET /v2/payments/refunds/R1");
    let canned2 = canned([ok(refunded(Some("ref_other")))]).await;
    assert_eq!(paypal(&canned2).find_refund("5O1", &refund_id()).await, Ok(None));
}

#[tokio::test]
async fn the_list_is_searched_in_pages_and_names_paypals_orders() {
    let page = |id: &str, ours: Value| {
        ok(json!({"total_pages": 2, "transaction_details": [{"transaction_info": {"transaction_id": id,
            "transaction_event_code": "T1300", "transaction_status": "S", "custom_field": ours}}]}))
    };
    let authorization = ok(json!({"id": "A1", "status": "CREATED", "supplementary_data": {"related_ids": {"order_id": "5O1"}}}));
    let canned = canned([page("A1", json!(order_id())), page("A2", Value::Null), authorization]).await;
    let until: Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
    let listed = paypal(&canned).list_transactions("2026-11-20T00:00:00Z".parse().unwrap(), until).await.unwrap();
    let references: Vec<_> = listed.iter().map(|payment| payment.reference.as_str()).collect();
    assert_eq!(references, ["5O1", "A2"], "what is not ours is not looked up");
    let lines: Vec<_> = acts(&canned).into_iter().map(|asked| asked.line).collect();
    assert!(lines[0].contains("balance_affecting_records_only=N") && lines[0].contains("page=1"), "{lines:?}");
    assert!(lines[1].contains("page=2") && lines[1].contains("start_date=2026-11-20T00%3A00%3A00Z"), "{lines:?}");
    assert_eq!(lines[2], "GET /v2/payments/authorizations/A1");
}

#[test]
fn the_secret_is_never_printed() {
    let secret: PaypalSecret =
        serde_json::from_str(r#"{"client_id":"client","client_secret":"hush","webhook_id":"WH"}"#).unwrap();
    assert!(!format!("{secret:?}").contains("hush"));
}

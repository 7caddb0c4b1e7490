//! What each of `PayPal`'s answers means, and what `PayPal` is asked.

mod authorization;
mod token;
mod void_capture_refund;

use jiff::SignedDuration;

use super::*;
use crate::{
    domain::money::Currency,
    payments::canned::{Asked, Canned, LIMITS, Script, secrets_manager, stored},
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
    json!({"id": "5O1", "status": status, "purchase_units": [{"custom_id": order_id(), "payments": payments}]})
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
        let canned = canned([answer.clone(), answer.clone()]).await;
        let failed = prepare(&paypal(&canned)).await.unwrap_err();
        assert!(matches!(failed, PaymentError::Failed { .. }), "{answer:?}: {failed}");
    }
    let broken_once = canned([Script::Break, ok(json!({"id": "A"}))]).await;
    assert_eq!(prepare(&paypal(&broken_once)).await.as_deref(), Ok("A"));
    let asked = broken_once.asked();
    let [first, again] = &asked[asked.len() - 2..] else { panic!("{asked:?}") };
    assert_eq!((first.header("paypal-request-id"), &first.line), (again.header("paypal-request-id"), &again.line));
    let canned = canned([]).await;
    let amount = Money { amount: 100_050, currency: Currency::HUF };
    let preparation = Preparation { order_id: &order_id(), attempt: 1, amount, account: None };
    assert!(matches!(paypal(&canned).prepare(&preparation).await, Err(PaymentError::Failed { outage: false, .. })));
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
    assert_eq!(owner(of("")).await, Ok(MethodOwner::Stranger), "nobody's name is nobody");
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
async fn a_payment_names_its_order_and_one_that_is_not_there_names_none() {
    let named = ok(json!({"id": "5O1", "status": "COMPLETED", "purchase_units": [{"custom_id": order_id()}]}));
    let nameless = ok(json!({"id": "5O1", "status": "COMPLETED", "purchase_units": [{}]}));
    let gone = Script::Json(404, json!({"name": "RESOURCE_NOT_FOUND"}));
    for (answer, expected) in [(named, Some(order_id())), (nameless, None), (gone, None)] {
        assert_eq!(paypal(&canned([answer]).await).order_of("5O1").await, Ok(expected));
    }
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

/// A capture in `PayPal`'s list that names our order.
fn listed_capture(of: &Value) -> Script {
    let mut transaction = json!({"transaction_id": "C1", "transaction_event_code": "T0006", "transaction_status": "S",
        "custom_field": order_id()});
    transaction.as_object_mut().unwrap().extend(of.as_object().cloned().unwrap());
    ok(json!({"total_pages": 1, "transaction_details": [{"transaction_info": transaction}]}))
}

fn six_hours_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(6)
}

#[tokio::test]
async fn a_listed_payment_is_named_by_paypals_order_where_that_can_be_found() {
    let gone = || Script::Json(404, json!({"name": "RESOURCE_NOT_FOUND"}));
    let found = || ok(json!({"id": "C1", "supplementary_data": {"related_ids": {"order_id": "5O1"}}}));
    let by_order = json!({"paypal_reference_id": "5O1", "paypal_reference_id_type": "ODR"});
    for (listed, answers, reference, names_attempt) in [
        (by_order, vec![], "5O1", true),
        (json!({}), vec![found()], "5O1", true),
        (json!({}), vec![gone(), found()], "5O1", true),
        (json!({}), vec![gone(), ok(json!({"id": "C1"}))], "C1", false),
        (json!({}), vec![gone(), gone()], "C1", false),
    ] {
        let looked_up = answers.len();
        let canned = canned([listed_capture(&listed)].into_iter().chain(answers)).await;
        let payments = paypal(&canned).list(six_hours_ago()).await.unwrap();
        let (state, order_id) = (PaymentState::Captured, Some(order_id()));
        assert_eq!(payments, [ListedPayment { reference: reference.into(), names_attempt, order_id, state }]);
        let asked: Vec<_> = acts(&canned).into_iter().skip(1).map(|asked| asked.line).collect();
        assert_eq!(asked, ["GET /v2/payments/authorizations/C1", "GET /v2/payments/captures/C1"][..looked_up]);
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_whole_is_none() {
    let canned = canned([listed_capture(&json!({})), issue(422, "INVALID")]).await;
    let failed = paypal(&canned).list(six_hours_ago()).await;
    assert!(matches!(failed, Err(PaymentError::Failed { .. })), "{failed:?}");
}

#[test]
fn the_secret_is_never_printed() {
    let secret: PaypalSecret =
        serde_json::from_str(r#"{"client_id":"client","client_secret":"hush","webhook_id":"WH"}"#).unwrap();
    assert!(!format!("{secret:?}").contains("hush"));
}

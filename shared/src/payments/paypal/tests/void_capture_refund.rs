//! What comes after the hold.

use super::*;

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

/// What `PayPal` keeps with it: our order's id and our refund's.
fn refund_name() -> String {
    format!("{}.{}", order_id(), refund_id())
}

async fn refund(answers: Vec<Script>) -> Result<RefundState, PaymentError> {
    let canned = canned(std::iter::once(ok(captured())).chain(answers)).await;
    paypal(&canned).refund("5O1", &refund_id(), "key", USD(100)).await
}

#[tokio::test]
async fn a_refund_is_known_to_paypal_by_our_id_twice_over() {
    let canned = canned([ok(captured()), Script::Json(201, json!({"id": "R1", "status": "COMPLETED"}))]).await;
    assert_eq!(paypal(&canned).refund("5O1", &refund_id(), "key", USD(100)).await, Ok(RefundState::Refunded));
    let sent = &acts(&canned)[1];
    assert_eq!(sent.line, "POST /v2/payments/captures/C1/refund");
    assert_eq!(sent.json(), json!({"amount": {"currency_code": "USD", "value": "1.00"}, "custom_id": refund_name()}));
    assert_eq!(sent.header("paypal-request-id"), Some("key"));
}

#[tokio::test]
async fn a_refund_of_a_payment_that_names_no_order_is_known_by_its_own_id_alone() {
    let mut nameless = captured();
    nameless["purchase_units"][0].as_object_mut().unwrap().remove("custom_id");
    let canned = canned([ok(nameless), Script::Json(201, json!({"id": "R1", "status": "COMPLETED"}))]).await;
    assert_eq!(paypal(&canned).refund("5O1", &refund_id(), "key", USD(100)).await, Ok(RefundState::Refunded));
    assert_eq!(acts(&canned)[1].json()["custom_id"], json!(refund_id()));
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
    assert!(matches!(paypal(&nothing).refund("5O1", &refund_id(), "key", USD(100)).await, Err(PaymentError::Failed { .. })));
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
    assert_eq!(refund(vec![gone(), ok(refunded(Some(&refund_name())))]).await, Ok(RefundState::Refunded));
    let other = refund(vec![gone(), ok(refunded(Some("ord_1.ref_other")))]).await;
    assert_eq!(other, Ok(RefundState::Failed("CAPTURE_FULLY_REFUNDED".into())));
    for why in ["REFUND_FAILED_INSUFFICIENT_FUNDS", "REFUND_FAILED_BY_PAYMENT_SOURCE", "REFUND_FUNDS_NOT_AVAILABLE"] {
        let failed = refund(vec![issue(422, why), ok(refunded(Some("ord_1.ref_other")))]).await;
        assert_eq!(failed, Ok(RefundState::Failed(why.into())), "somebody must see to it");
    }
    assert!(matches!(refund(vec![gone(), Script::Json(403, json!({}))]).await, Err(PaymentError::Unknown { .. })));
}

#[tokio::test]
async fn a_refund_that_the_order_does_not_show_whole_is_read_by_itself() {
    let whole = ok(json!({"id": "R1", "status": "COMPLETED", "custom_id": refund_name()}));
    let canned1 = canned([ok(refunded(None)), whole]).await;
    assert_eq!(paypal(&canned1).find_refund("5O1", &refund_id()).await, Ok(Some(RefundState::Refunded)));
    assert_eq!(acts(&canned1)[1].line, "GET /v2/payments/refunds/R1");
    let dashboard = canned([ok(refunded(Some(order_id().as_str())))]).await;
    let listed = paypal(&dashboard).refunds("5O1").await.unwrap();
    assert!(!listed[0].is(&refund_id()), "it has the order's name alone");
    let canned2 = canned([ok(refunded(Some("ord_1.ref_other")))]).await;
    assert_eq!(paypal(&canned2).find_refund("5O1", &refund_id()).await, Ok(None));
}

fn amount(value: &str) -> Value {
    json!({"currency_code": "USD", "value": value})
}

#[tokio::test]
async fn each_listed_refund_has_its_amount() {
    let refund = |value: &str| json!({"id": "R1", "status": "PENDING", "custom_id": refund_name(), "amount": amount(value)});
    let shown = order_with("COMPLETED", &json!({"refunds": [refund("45.99"), refund("much")]}));
    let listed = paypal(&canned([ok(shown)]).await).refunds("5O1").await.unwrap();
    assert_eq!(listed.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [Some(USD(4599)), None]);
}

#[tokio::test]
async fn what_was_taken_is_the_sum_of_the_captures_that_took_it() {
    let capture = |status: &str, value: &str| json!({"id": "C1", "status": status, "amount": amount(value)});
    let taken = async |captures: &[Value]| {
        let canned = canned([ok(order_with("COMPLETED", &json!({"captures": captures})))]).await;
        paypal(&canned).taken("5O1").await
    };
    let some_went_back = [capture("REFUNDED", "45.99"), capture("PARTIALLY_REFUNDED", "0.01"), capture("COMPLETED", "4.00")];
    assert_eq!(taken(&some_went_back).await, Ok(Some(USD(5000))));
    let none = [capture("DECLINED", "45.99"), capture("FAILED", "45.99"), capture("PENDING", "45.99")];
    assert_eq!(taken(&none).await, Ok(None));
    assert_eq!(taken(&[]).await, Ok(None));
    assert_eq!(taken(&[capture("COMPLETED", "45.99"), capture("COMPLETED", "much")]).await, Ok(None), "it is not known");
    let gone = canned([Script::Json(404, json!({"name": "RESOURCE_NOT_FOUND"}))]).await;
    assert!(matches!(paypal(&gone).taken("5O1").await, Err(PaymentError::Failed { .. })), "not nothing: not known");
}

//! The access token.

use super::*;

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
async fn a_secret_that_paypal_refuses_is_read_again_and_any_other_is_kept() {
    let secret = |secret: &str| stored(&json!({"client_id": "client", "client_secret": secret, "webhook_id": "WH"}));
    for (status, reads) in [(401, 2), (403, 1)] {
        let secrets = Canned::answering([secret("old"), secret("new")]).await;
        let canned = Canned::answering([Script::Json(status, json!({})), granted(), ok(order("CREATED"))]).await;
        let secret = CachedSecret::stored(secrets_manager(&secrets), "paypal");
        let paypal = Paypal::with_secret(canned.url.clone(), "https://shop.example/".into(), secret, LIMITS);
        assert!(matches!(paypal.read("5O1").await, Err(PaymentError::Failed { .. })));
        assert_eq!(paypal.read("5O1").await, Ok(PaymentState::Prepared));
        assert_eq!(secrets.asked().len(), reads, "{status}");
    }
}

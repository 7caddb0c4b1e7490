//! The Stripe adapter's requests, judged against Stripe's published OpenAPI document by stripe-mock.
//! Run by `cargo xtask judge`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::time::Duration;

use jiff::Timestamp;
use shared::{
    domain::{
        ids::{OrderId, RefundId},
        money::{Currency, Money},
    },
    payments::{Limits, PaymentError, PaymentGateway, Preparation, stripe::Stripe},
};
use system_tests::setting;

const PRICE: Money = Money { amount: 4599, currency: Currency::USD };

fn stripe(key: &str) -> Stripe {
    let limits = Limits { connect: Duration::from_secs(1), call: Duration::from_secs(5) };
    let url = setting("SOUK_STRIPE_MOCK").parse().unwrap();
    Stripe::new(url, "https://shop.example", key.into(), limits)
}

fn order() -> OrderId {
    "ord_00000000000000000000000000000001".parse().unwrap()
}

/// What stripe-mock answers is an example, and means nothing; that it answers is the point.
#[tokio::test]
async fn every_request_of_the_adapter_is_one_that_stripe_knows() {
    let stripe = stripe("sk_test_123");
    let order_id = order();
    stripe.owner(&"pm_card_visa".into()).await.expect("retrieving a method and a customer is accepted");
    for account in [None, Some("cus_123")] {
        let preparation = Preparation { order_id: &order_id, attempt: 1, amount: PRICE, account };
        let reference = stripe.prepare(&preparation).await.expect("create is accepted");
        assert!(reference.starts_with("pi_"), "{reference}");
    }
    let reference = "pi_123";
    stripe.authorize(&order_id, reference, &"pm_card_visa".into()).await.expect("confirm is accepted");
    stripe.read(reference).await.expect("retrieve is accepted");
    stripe.action_url(reference).await.expect("retrieve is accepted");
    stripe.void(reference).await.expect("cancel is accepted");
    stripe.capture(reference, PRICE).await.expect("capture is accepted");
    let refund = RefundId::for_request(&order_id, "judged");
    stripe.refund(reference, &refund, refund.as_str(), PRICE).await.expect("create refund is accepted");
    stripe.find_refund(reference, &refund).await.expect("list refunds is accepted");
    stripe.list(Timestamp::now()).await.expect("list is accepted");
}

#[tokio::test]
async fn a_request_that_stripe_does_not_know_is_a_failure_and_no_guess() {
    let refused = stripe("no-key-at-all").read("pi_1").await;
    assert!(matches!(refused, Err(PaymentError::Failed { .. })), "{refused:?}");
    let nowhere = stripe("sk_test_123").read("..").await;
    assert!(matches!(nowhere, Err(PaymentError::Failed { .. })), "{nowhere:?}");
}

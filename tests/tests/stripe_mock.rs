//! The Stripe adapter's requests, judged against Stripe's published OpenAPI document by stripe-mock.
//! Run by `cargo xtask judge`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::time::Duration;

use shared::{
    domain::money::{Currency, Money},
    payments::{
        PaymentError, PaymentGateway,
        stripe::{Limits, Stripe},
    },
};
use system_tests::setting;

fn stripe() -> Stripe {
    let limits = Limits { connect: Duration::from_secs(1), call: Duration::from_secs(5) };
    let url = setting("SOUK_STRIPE_MOCK").parse().unwrap();
    Stripe::new(url, "https://shop.example", "sk_test_123".into(), limits)
}

fn order() -> shared::domain::ids::OrderId {
    "ord_00000000000000000000000000000001".parse().unwrap()
}

#[tokio::test]
async fn every_request_of_the_adapter_is_one_that_stripe_knows() {
    let stripe = stripe();
    let price = Money { amount: 4599, currency: Currency::USD };
    let reference = stripe.prepare(&order(), 1, price).await.expect("create is accepted");
    assert!(reference.starts_with("pi_"), "{reference}");
    stripe.authorize(&order(), &reference, &"pm_card_visa".into()).await.expect("confirm is accepted");
    stripe.read(&reference).await.expect("retrieve is accepted");
    stripe.void(&reference).await.expect("cancel is accepted");
}

#[tokio::test]
async fn a_request_that_stripe_does_not_know_is_a_failure_and_no_guess() {
    let limits = Limits { connect: Duration::from_secs(1), call: Duration::from_secs(5) };
    let url = setting("SOUK_STRIPE_MOCK").parse().unwrap();
    let stranger = Stripe::new(url, "https://shop.example", "no-key-at-all".into(), limits);
    let refused = stranger.read("pi_1").await;
    assert!(matches!(refused, Err(PaymentError::Failed { .. })), "{refused:?}");
    let nowhere = stripe().read("../nothing").await;
    assert!(matches!(nowhere, Err(PaymentError::Failed { .. })), "{nowhere:?}");
}

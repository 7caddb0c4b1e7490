//! What an operator must know of is counted where the alarms look: in the functions' logs.

use serde_json::json;
use shared::domain::order::Status;
use system_tests::{Shop, new_key, purchase_with};

/// We ask too often, say, or our key is good no more: no order can be paid there until somebody looks.
#[tokio::test]
async fn a_provider_that_refuses_us_is_gone_around_and_counted() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let (card, vault) = (("stripe", "pm_card_visa"), ("paypal", "vault_ok"));
    for (refuses, call, methods) in [
        ("stripe", "authorize-payment/stripe.CreatePaymentIntent#1", [card, vault]),
        ("paypal", "authorize-payment/paypal.CreateOrder#1", [vault, card]),
    ] {
        let before = shop.counted("ProviderRefused", refuses).await;
        let key = new_key();
        let order_id = kareem.order_id(&key);
        shop.strike(&order_id, call, "throttle").await;
        let answer = kareem.checkout(&key, &purchase_with(&[("candle-beeswax", 1)], &methods)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let order = shop.closed(&order_id).await;
        assert_eq!(order.status(), Status::Paid);
        assert_eq!(shop.ledger_at(methods[1].0, &order_id).await, ["authorize", "capture"], "the other one served her");
        assert!(shop.ledger_at(refuses, &order_id).await.is_empty());
        shop.counted_since("ProviderRefused", refuses, before).await;
    }
}

/// A secret that was changed on one side only looks like a forgery: each is told to the sender and counted.
#[tokio::test]
async fn a_webhook_that_is_not_the_providers_is_counted() {
    let shop = Shop::running();
    for provider in ["stripe", "paypal"] {
        let before = shop.counted("WebhookRejected", provider).await;
        let forged = shop.http.post(shop.url(&format!("/v1/webhooks/{provider}"))).json(&json!({"id": "evt_forged"}));
        assert_eq!(forged.send().await.unwrap().status(), 400);
        shop.counted_since("WebhookRejected", provider, before).await;
    }
}

//! What an operator must know of is counted where the alarms look: in the functions' logs.

use std::collections::BTreeMap;

use serde_json::json;
use shared::domain::order::Status;
use system_tests::{Shop, eventually, new_key, purchase_with};

/// How often the functions counted this so far, with this provider's name; of none: with none.
pub(crate) async fn counted(shop: &Shop, metric: &str, provider: &str) -> u64 {
    let told = shop.python("metrics.py", &[shop.resource("FunctionLogs"), metric]).await;
    let by_provider: BTreeMap<String, u64> = serde_json::from_str(&told).unwrap();
    by_provider.get(provider).copied().unwrap_or_default()
}

/// Waits until it was counted more often than before. Other tests count too: it may be by more than one.
pub(crate) async fn counted_since(shop: &Shop, metric: &str, provider: &str, before: u64) {
    eventually(metric, || async { counted(shop, metric, provider).await > before }).await;
}

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
        let before = counted(&shop, "ProviderRefused", refuses).await;
        let key = new_key();
        let order_id = kareem.order_id(&key);
        shop.strike(&order_id, call, "throttle").await;
        let answer = kareem.checkout(&key, &purchase_with(&[("candle-beeswax", 1)], &methods)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let order = shop.closed(&order_id).await;
        assert_eq!(order.status(), Status::Paid);
        assert_eq!(shop.ledger_at(methods[1].0, &order_id).await, ["authorize", "capture"], "the other one served her");
        assert!(shop.ledger_at(refuses, &order_id).await.is_empty());
        counted_since(&shop, "ProviderRefused", refuses, before).await;
    }
}

/// A secret that was changed on one side only looks like a forgery: each is told to the sender and counted.
#[tokio::test]
async fn a_webhook_that_is_not_the_providers_is_counted() {
    let shop = Shop::running();
    for provider in ["stripe", "paypal"] {
        let before = counted(&shop, "WebhookRejected", provider).await;
        let forged = shop.http.post(shop.url(&format!("/v1/webhooks/{provider}"))).json(&json!({"id": "evt_forged"}));
        assert_eq!(forged.send().await.unwrap().status(), 400);
        counted_since(&shop, "WebhookRejected", provider, before).await;
    }
}

//! What the providers tell: an event that was applied is not applied again.

use serde_json::Value;
use shared::domain::{ids::OrderId, order::Status};
use system_tests::{Shop, eventually, new_key, purchase_with};

use crate::saga::confirm_at_the_bank;

/// How often a provider told what it had to tell of an order, and was answered well.
pub(crate) async fn delivered(shop: &Shop, order_id: &OrderId) -> u64 {
    let url = format!("{}/webhooks/events?order_id={order_id}", shop.outputs.payment_simulator_url);
    let events: Vec<Value> = shop.http.get(url).send().await.unwrap().json().await.unwrap();
    events.iter().filter_map(|event| event["delivered"].as_u64()).sum()
}

#[tokio::test]
async fn an_event_that_was_applied_is_not_asked_about_again() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let methods = [
        ("stripe", "pm_card_visa", "receive-webhook/stripe.RetrievePaymentIntent"),
        ("paypal", "vault_ok", "receive-webhook/paypal.GetOrder"),
    ];
    for (provider, token, question) in methods {
        let key = new_key();
        let order_id = kareem.order_id(&key);
        assert_eq!(kareem.checkout(&key, &purchase_with(&[("honey-jar", 1)], &[(provider, token)])).await.status, 201);
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
        // Of the authorisation, and of the capture.
        eventually("its events were applied", || async { delivered(&shop, &order_id).await >= 2 }).await;
        let (asked, before) = (shop.calls(&order_id, question).await, delivered(&shop, &order_id).await);
        assert!(asked > 0, "{provider}: an event that is new is asked about");
        let again = shop.replay_webhooks(&order_id, 3).await;
        eventually("all come again", || async { delivered(&shop, &order_id).await == before + again }).await;
        assert_eq!(shop.calls(&order_id, question).await, asked, "{provider}");
    }
}

/// Her settlement looks every few seconds; Stripe tells at once. Whoever looks first by chance is tried again.
#[tokio::test]
async fn what_her_bank_decides_is_applied_and_settled_as_soon_as_stripe_tells_it() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for _ in 0..3 {
        let key = new_key();
        let order_id = kareem.order_id(&key);
        let body = purchase_with(&[("honey-jar", 1)], &[("stripe", "pm_card_authenticationRequired")]);
        assert_eq!(kareem.checkout(&key, &body).await.status, 202);
        let order = shop.events().order(&order_id).await.unwrap();
        confirm_at_the_bank(&shop, &order.awaited_action().expect("it waits for her").reference).await;
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
        let wrote = shop.calls(&order_id, "receive-webhook/dynamodb.PutItem(OrderEventsTable)").await;
        let settled = shop.calls(&order_id, "receive-webhook/states.StartExecution").await;
        if wrote > 0 && settled > 0 {
            return;
        }
    }
    panic!("no webhook of three orders wrote what it heard, and had it settled");
}

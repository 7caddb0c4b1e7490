//! Cancels and refunds: what was held is freed, what was taken goes back, the stock is there again.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use shared::domain::{
    event::Cancellation,
    order::{Outcome, RefundProgress, RefundStatus, Status},
};
use system_tests::{Shop, eventually, new_key, purchase, purchase_with};

use crate::{
    reconciling::by_hand,
    runbooks::{printed, xtask},
};

#[tokio::test]
async fn a_paid_order_that_she_cancels_goes_back_whole() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for (provider, token) in [("stripe", "pm_card_visa"), ("paypal", "vault_ok")] {
        let sku = shop.own_product(5).await;
        let key = new_key();
        let order_id = kareem.order_id(&key);
        let bought = kareem.checkout(&key, &purchase_with(&[(sku.as_str(), 2)], &[(provider, token)])).await;
        assert_eq!(bought.status, 201, "{bought:?}");
        shop.closed(&order_id).await;
        assert_eq!(shop.available(sku.as_str()).await, 3);
        eventually("the confirmation is sent", || async { shop.mails(order_id.as_str()).await.len() == 1 }).await;
        let cancelled = kareem.cancel_patiently(&order_id).await;
        assert_eq!((cancelled.status, cancelled.body["status"].as_str()), (200, Some("cancelled")), "{cancelled:?}");
        let order = shop.closed(&order_id).await;
        assert_eq!((order.status(), order.refund_status()), (Status::Cancelled, RefundStatus::Full), "{provider}");
        assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture", "refund"], "{provider}");
        for line in shop.ledger_lines(&order_id).await {
            let whole = (order.placed.total.amount, order.placed.total.currency.code());
            assert_eq!((line.amount, line.currency.as_str(), line.provider.as_str()), (whole.0, whole.1, provider), "{line:?}");
        }
        assert_eq!(shop.available(sku.as_str()).await, 5);
        eventually("she is told", || async { shop.mails(order_id.as_str()).await.len() == 2 }).await;
    }
}

#[tokio::test]
async fn an_order_whose_payment_is_under_way_is_cancelled_and_never_charged() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    shop.fault(&order_id, "authorize", "error", 50).await;
    assert_eq!(kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa")).await.status, 202);
    assert_eq!(kareem.cancel_patiently(&order_id).await.status, 200);
    assert_eq!(shop.closed(&order_id).await.status(), Status::Cancelled);
    assert_eq!(shop.ledger(&order_id).await, [""; 0]);
    let repeated = kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa")).await;
    assert_eq!(repeated.status, 202, "the answer is kept for repeats");
}

#[tokio::test]
async fn a_customer_whose_order_the_shop_cancels_is_not_told_that_she_asked_for_it() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let key = new_key();
    let order_id = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa")).await.status, 201);
    shop.closed(&order_id).await;
    let cancelled = admin.post(&format!("/v1/orders/{order_id}/cancel"), &new_key(), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let order = shop.closed(&order_id).await;
    assert_eq!(*order.outcome(), Outcome::Cancelled(Cancellation::ShopRequest));
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture", "refund"]);
    eventually("she is written to", || async { shop.subjects(&order_id).await.iter().any(|of| of.starts_with("Cancelled")) })
        .await;
}

#[tokio::test]
async fn a_cancel_repeated_is_the_same_answer_and_anothers_order_is_not_there() {
    let shop = Shop::running();
    let (kareem, amina) = (shop.sign_in("kareem").await, shop.sign_in("amina").await);
    let key = new_key();
    let order_id = kareem.order_id(&key);
    kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa")).await;
    shop.closed(&order_id).await;
    let path = format!("/v1/orders/{order_id}/cancel");
    assert_eq!(amina.post(&path, &new_key(), &json!({})).await.problem(), (404, "not_found"));
    assert_eq!(amina.post(&format!("/v1/orders/{order_id}/refunds"), &new_key(), &json!({})).await.problem(), (404, "not_found"));
    let cancel = new_key();
    let first = kareem.post(&path, &cancel, &json!({})).await;
    let again = kareem.post(&path, &cancel, &json!({})).await;
    assert_eq!((first.status, &first.body), (200, &again.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(kareem.post(&path, &cancel, &json!({"x": 1})).await.status, 400);
    let other_key = kareem.post(&path, &new_key(), &json!({})).await;
    assert_eq!((other_key.status, other_key.body["status"].as_str()), (200, Some("cancelled")));
    let order = shop.closed(&order_id).await;
    assert_eq!(order.refunds().len(), 1, "one refund, however often she asks");
    assert!(
        shop.calls(&order_id, "amend-orders/states.StartExecution").await > 0,
        "it is settled at once, before any guard comes"
    );
}

#[tokio::test]
async fn what_has_ended_cannot_be_cancelled_and_the_answer_says_why() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa_chargeDeclined")).await;
    let path = format!("/v1/orders/{}/cancel", kareem.order_id(&key));
    let refused = kareem.post(&path, &new_key(), &json!({})).await;
    assert_eq!(refused.problem(), (409, "order_not_cancellable"));
    let request = shop.http.post(shop.url(&path)).bearer_auth(&kareem.token).send().await.unwrap();
    assert_eq!(system_tests::Answer::of(request).await.problem(), (400, "idempotency_key_missing"));
}

/// Somebody gave a part back in the provider's dashboard, so that less is left than the order speaks of.
#[tokio::test]
async fn a_cancelled_order_whose_refund_is_refused_for_good_closes_and_rings() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa")).await.status, 201);
    let reference = shop.closed(&order_id).await.attempts()[0].reference.clone();
    by_hand(&shop, "/v1/refunds", format!("payment_intent={reference}&amount=100")).await;
    let before = shop.counted("RefundFailed", "stripe").await;
    assert_eq!(kareem.cancel_patiently(&order_id).await.status, 200);
    let order = shop.closed(&order_id).await;
    assert_eq!((order.status(), order.refund_status()), (Status::Cancelled, RefundStatus::None));
    assert_eq!(order.refunds().len(), 5, "each of its five failures rings; then a person must look");
    assert!(order.refunds().iter().all(|refund| refund.progress == RefundProgress::Failed));
    eventually("each of them was told", || async {
        let logs = printed(&xtask(&["order", order_id.as_str(), "--logs"]).await);
        let told = logs.lines().filter(|line| line.contains("the refund failed"));
        let refunds: BTreeSet<_> = told.filter_map(|line| line.split("ref_").nth(1)?.get(..32)).collect();
        refunds.len() == 5
    })
    .await;
    shop.counted_since("RefundFailed", "stripe", before + 4).await;
}

#[tokio::test]
async fn a_refund_asked_for_again_when_its_answer_is_forgotten_is_the_same_refund() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let key = new_key();
    let order_id = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase(&[("rug-atlas", 1)], "pm_card_visa")).await.status, 201);
    shop.closed(&order_id).await;
    let path = format!("/v1/orders/{order_id}/refunds");
    let amount = |amount: u64| json!({"amount": {"amount": amount, "currency": "USD"}});
    let refund = new_key();
    let first = admin.post(&path, &refund, &amount(1000)).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (202, None), "{first:?}");
    shop.closed(&order_id).await;
    shop.forget(&admin.id, "POST /v1/orders/{order_id}/refunds", &refund).await;
    let other = admin.post(&path, &refund, &amount(999)).await;
    assert_eq!(other.problem(), (422, "idempotency_key_reused"));
    let again = admin.post(&path, &refund, &amount(1000)).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")), "{again:?}");
    assert_eq!(again.body["refund_id"], first.body["refund_id"]);
    assert_eq!(again.body["status"], "refunded", "as it is by now");
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture", "refund"]);
}

#[tokio::test]
async fn an_administrator_refunds_in_parts_and_never_more_than_was_captured() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let key = new_key();
    let order_id = kareem.order_id(&key);
    let bought = kareem.checkout(&key, &purchase(&[("chef-knife", 1)], "pm_card_visa")).await;
    let total = bought.body["total"]["amount"].as_u64().unwrap();
    shop.closed(&order_id).await;
    let path = format!("/v1/orders/{order_id}/refunds");
    let amount = |amount: u64| json!({"amount": {"amount": amount, "currency": "USD"}});
    assert_eq!(kareem.post(&path, &new_key(), &amount(1)).await.problem(), (403, "forbidden"));
    assert_eq!(admin.post(&path, &new_key(), &json!({})).await.problem(), (400, "validation_failed"));
    assert_eq!(admin.post(&path, &new_key(), &amount(total + 1)).await.problem(), (409, "refund_exceeds_capture"));

    let refund = new_key();
    shop.fault(&order_id, "refund", "error_after", 1).await;
    let first = admin.post(&path, &refund, &amount(1000)).await;
    assert_eq!((first.status, first.body["status"].as_str()), (202, Some("pending")), "{first:?}");
    assert_eq!(admin.post(&path, &refund, &amount(1000)).await.body, first.body, "a repeat is the same refund");
    let order = shop.closed(&order_id).await;
    assert_eq!(order.refund_status(), RefundStatus::Partial);
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture", "refund"], "the one whose answer was lost was found");

    assert_eq!(admin.post(&path, &new_key(), &amount(total - 999)).await.problem(), (409, "refund_exceeds_capture"));
    assert_eq!(admin.post(&path, &new_key(), &amount(total - 1000)).await.status, 202);
    assert_eq!(shop.closed(&order_id).await.refund_status(), RefundStatus::Full);
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture", "refund", "refund"]);
}

/// The provider saved its error, and answers the same to the same key for weeks.
#[tokio::test]
async fn a_refund_that_the_provider_answered_with_an_error_is_sent_once_more_under_another_key() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let cancelled = async |provider: &'static str, token: &str| {
        let key = new_key();
        let order_id = kareem.order_id(&key);
        let bought = kareem.checkout(&key, &purchase_with(&[("chef-knife", 1)], &[(provider, token)])).await;
        assert_eq!(bought.status, 201, "{bought:?}");
        shop.closed(&order_id).await;
        shop.fault_at(provider, &order_id, "refund", "error", 1).await;
        assert_eq!(kareem.cancel_patiently(&order_id).await.status, 200, "{provider}");
        // The first key serves for 20 seconds, then none for as long.
        tokio::time::sleep(Duration::from_secs(30)).await;
        let order = shop.closed(&order_id).await;
        assert_eq!((order.refunds().len(), order.refund_status()), (1, RefundStatus::Full), "{provider}");
        assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture", "refund"], "{provider}");
    };
    tokio::join!(cancelled("stripe", "pm_card_visa"), cancelled("paypal", "vault_ok"));
}

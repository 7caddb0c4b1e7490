//! Everything delivered twice and shuffled: the same final state, and each e-mail once.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use shared::domain::{ids::OrderId, order::Status};
use system_tests::{Customer, Shop, eventually, new_key, purchase_with};
use tokio::task::JoinSet;

use crate::hearing::delivered;

/// The types that the template's stream filter lets through.
const PUBLISHED: [&str; 10] = [
    "OrderPlaced",
    "OrderConfirmed",
    "OrderRejected",
    "OrderCancelled",
    "PaymentActionRequired",
    "PaymentDeferred",
    "CaptureFailed",
    "RefundStarted",
    "RefundFailed",
    "PaymentRefunded",
];

/// Those that bring a guard.
const GUARDED: [&str; 5] = ["OrderPlaced", "OrderCancelled", "RefundStarted", "RefundFailed", "CaptureFailed"];

async fn deliver_again(shop: &Shop, order_id: &OrderId) {
    let mut outputs = json!({"types": PUBLISHED, "guarded": GUARDED});
    for name in ["ProjectOrdersFunction", "PublishEventsFunction", "SendEmailQueue", "CapturePaymentQueue", "GuardQueue"] {
        outputs[name] = shop.resource(name).into();
    }
    let arguments = [order_id.as_str(), shop.resource("OrderEventsTable"), &outputs.to_string()];
    let counts = shop.python("deliver_again.py", &arguments).await;
    let counts: Vec<u32> = counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
    assert!(matches!(counts[..], [records, messages] if records >= 10 && messages >= 10), "{counts:?}");
    let (before, again) = (delivered(shop, order_id).await, shop.replay_webhooks(order_id, 2).await);
    assert!(again >= 2, "there were webhooks to deliver again");
    eventually("they came again", || async { delivered(shop, order_id).await >= before + again }).await;
}

/// At rest everything comes again; else it races what comes for the first time.
#[tokio::test]
async fn deliveries_twice_and_out_of_order_change_nothing() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let (card, paypal) = (("stripe", "pm_card_visa"), ("paypal", "vault_ok"));
    let mut cases = JoinSet::new();
    for (method, cancels, at_rest) in [
        (card, false, true),
        (card, true, true),
        (card, false, false),
        (card, true, false),
        (paypal, false, true),
        (paypal, true, true),
    ] {
        cases.spawn(bought_and_delivered_again(shop.clone(), amina.clone(), method, cancels, at_rest));
    }
    cases.join_all().await;
}

async fn bought_and_delivered_again(shop: Shop, amina: Customer, method: (&str, &str), cancels: bool, at_rest: bool) {
    let sku = shop.own_product(5).await;
    let key = new_key();
    let order_id = amina.order_id(&key);
    let of = format!("{order_id}, {method:?}, cancels: {cancels}, at rest: {at_rest}");
    assert_eq!(amina.checkout(&key, &purchase_with(&[(sku.as_str(), 2)], &[method])).await.status, 201);
    let subjects = || shop.subjects(&order_id);
    if at_rest {
        shop.closed(&order_id).await;
        eventually("the confirmation is sent", || async { subjects().await.len() == 1 }).await;
    }
    if cancels {
        assert_eq!(amina.cancel_patiently(&order_id).await.status, 200);
    }
    if at_rest && cancels {
        shop.closed(&order_id).await;
        eventually("the cancellation is sent", || async { subjects().await.len() == 2 }).await;
    }
    let at_first = shop.events().order(&order_id).await.unwrap();
    deliver_again(&shop, &order_id).await;
    let order = if at_rest { at_first } else { shop.closed(&order_id).await };
    tokio::time::sleep(Duration::from_secs(12)).await;

    let ledger = shop.ledger(&order_id).await;
    let (status, available, ends): (_, _, &[&[&str]]) = if cancels {
        (Status::Cancelled, 5, &[&["authorize", "capture", "refund"], &["authorize", "void"]])
    } else {
        (Status::Paid, 3, &[&["authorize", "capture"]])
    };
    assert_eq!((order.status(), shop.available(sku.as_str()).await), (status, available), "{of}");
    assert!(ends.iter().any(|end| ledger == *end), "{of}: {ledger:?}");
    assert_eq!(shop.events().order(&order_id).await.unwrap().sequence, order.sequence, "{of}: nothing was appended");
    let sent = subjects().await;
    assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), sent.len(), "{of}: each e-mail once: {sent:?}");
    // A confirmation that comes after the cancel is not written.
    let due = if cancels && at_rest { 2..=2 } else { 1..=1 + usize::from(cancels) };
    assert!(due.contains(&sent.len()), "{of}: {sent:?}");
    let list = amina.get("/v1/orders?limit=100").await;
    let row = list.body["orders"].as_array().unwrap().iter().find(|row| row["order_id"] == order_id.as_str()).cloned();
    assert_eq!(row.unwrap()["status"], json!(status), "{of}");
}

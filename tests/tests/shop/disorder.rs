//! Everything delivered twice and shuffled: the same final state, and each e-mail once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::json;
use serde_yaml_ng::Value as Yaml;
use shared::domain::{
    event::Provider,
    ids::{OrderId, Sku},
    order::Status,
};
use system_tests::{Customer, Shop, eventually, new_key, purchase_with, root};
use tokio::task::JoinSet;

use crate::{hearing::delivered, reconciling::refund_a_dollar, saga::providers};

/// Each queue behind the bus, and the rule that says which events it gets.
const TAKERS: [(&str, &str); 3] =
    [("SendEmailQueue", "SendEmailRule"), ("CapturePaymentQueue", "CapturePaymentRule"), ("GuardQueue", "GuardRule")];

/// The types of events that each queue gets, as the template says.
fn taken() -> BTreeMap<&'static str, BTreeSet<String>> {
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let template: Yaml = serde_yaml_ng::from_str(&template).unwrap();
    let types = |rule: &str| {
        let types = &template["Resources"][rule]["Properties"]["EventPattern"]["detail-type"];
        types.as_sequence().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    TAKERS.map(|(queue, rule)| (queue, types(rule))).into()
}

async fn deliver_again(shop: &Shop, order_id: &OrderId) {
    let mut outputs = json!({"taken": taken()});
    for name in ["ProjectOrdersFunction", "PublishEventsFunction", "SendEmailQueue", "CapturePaymentQueue", "GuardQueue"] {
        outputs[name] = shop.resource(name).into();
    }
    let arguments = [order_id.as_str(), shop.resource("OrderEventsTable"), &outputs.to_string()];
    let counts = shop.python("deliver_again.py", &arguments).await;
    let counts: Vec<u32> = counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
    assert!(matches!(counts[..], [records, messages] if records >= 10 && messages >= 6), "{counts:?}");
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

/// Orders that meet with something on the way, or end otherwise than well.
#[derive(Clone, Copy, Debug)]
enum Case {
    /// A dollar of it goes back.
    Refunded,
    /// Told "received", then declined.
    DeclinedLater,
    /// Her bank waits for her, and she hears of it by e-mail; then she cancels.
    AskedByMail,
    /// What was held is gone before it could be taken.
    Lapsed,
}

/// Between them they have every letter that is written, and every event that is published but `RefundFailed`: whether its
/// refund's letter was written before it failed is a race.
#[tokio::test]
async fn deliveries_twice_and_out_of_order_change_nothing_of_what_went_otherwise() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let mut cases = JoinSet::new();
    for case in [Case::Refunded, Case::DeclinedLater, Case::AskedByMail, Case::Lapsed] {
        cases.spawn(went_otherwise_and_delivered_again(shop.clone(), amina.clone(), case));
    }
    let published: BTreeSet<_> = cases.join_all().await.into_iter().flatten().collect();
    let all: BTreeSet<String> = taken().into_values().flatten().collect();
    assert!(
        all.iter().all(|of| of == "RefundFailed" || published.contains(of.as_str())),
        "not all of {all:?} that is published: {published:?}"
    );
}

/// Answers the types of its events.
async fn went_otherwise_and_delivered_again(shop: Shop, amina: Customer, case: Case) -> Vec<&'static str> {
    let sku = shop.own_product(5).await;
    let key = new_key();
    let order_id = amina.order_id(&key);
    let (status, letters): (_, &[&str]) = goes_otherwise(&shop, &amina, case, &sku, &key).await;
    let order = shop.closed(&order_id).await;
    assert_eq!(order.status(), status, "{case:?}");
    eventually(&format!("{case:?}: its letters are sent"), || async { shop.subjects(&order_id).await.len() >= letters.len() })
        .await;
    let state = async || {
        let mut subjects = shop.subjects(&order_id).await;
        subjects.sort();
        (shop.ledger(&order_id).await, shop.available(sku.as_str()).await, subjects)
    };
    let before = state().await;
    let sent: Vec<_> = before.2.iter().map(|subject| subject.split(':').next().unwrap_or_default()).collect();
    assert_eq!(sent, letters, "{case:?}");

    deliver_again(&shop, &order_id).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(state().await, before, "{case:?}");
    assert_eq!(shop.events().order(&order_id).await.unwrap().sequence, order.sequence, "{case:?}: nothing was appended");
    let list = amina.get("/v1/orders?limit=100").await;
    let row = list.body["orders"].as_array().unwrap().iter().find(|row| row["order_id"] == order_id.as_str()).cloned();
    assert_eq!(row.unwrap()["status"], json!(status), "{case:?}");
    shop.event_names(&order_id).await
}

/// Brings it about; answers how it ends, and the beginnings of its letters' subjects, sorted.
async fn goes_otherwise(shop: &Shop, amina: &Customer, case: Case, sku: &Sku, key: &str) -> (Status, &'static [&'static str]) {
    let order_id = amina.order_id(key);
    let purchase = |token: &str| purchase_with(&[(sku.as_str(), 2)], &[("stripe", token)]);
    let buy = async |token: &str| amina.checkout(key, &purchase(token)).await.status;
    match case {
        Case::Refunded => {
            assert_eq!(buy("pm_card_visa").await, 201);
            shop.closed(&order_id).await;
            refund_a_dollar(&shop.sign_in("admin").await, &order_id).await;
            (Status::Paid, &["Confirmed", "Refunded"])
        }
        Case::DeclinedLater => {
            shop.fault(&order_id, "prepare", "error", 6).await;
            assert_eq!(buy("pm_card_visa_chargeDeclined").await, 202);
            (Status::Rejected, &["Not completed"])
        }
        Case::AskedByMail => {
            shop.strike(&order_id, "checkout/dynamodb.PutItem(OrderEventsTable)#1", "kill_before").await;
            let click = shop.http.post(shop.url("/v1/checkout")).bearer_auth(&amina.token).header("Idempotency-Key", key);
            let died = click.json(&purchase("pm_card_authenticationRequired")).send().await.unwrap();
            assert!(died.status().is_server_error(), "the checkout died");
            eventually("she is written to", || async { !shop.subjects(&order_id).await.is_empty() }).await;
            assert_eq!(amina.cancel_patiently(&order_id).await.status, 200);
            (Status::Cancelled, &["Cancelled", "Please confirm the payment"])
        }
        Case::Lapsed => {
            shop.fault(&order_id, "capture", "error", 50).await;
            assert_eq!(buy("pm_card_visa").await, 201);
            // Once it is cancelled, no confirmation is written any more.
            eventually("it is confirmed by e-mail", || async { !shop.subjects(&order_id).await.is_empty() }).await;
            let reference = shop.events().order(&order_id).await.unwrap().attempts()[0].reference.clone();
            providers(shop).gateway(Provider::Stripe).void(&reference).await.unwrap();
            (Status::Cancelled, &["Cancelled", "Confirmed"])
        }
    }
}

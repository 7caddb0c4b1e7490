//! The providers' books against ours: what they hold beyond the events is told.

use serde_json::{Value, json};
use shared::{
    domain::{
        event::{Fact, Provider},
        ids::OrderId,
        money::{Currency, Money},
        order::{RefundStatus, Status},
    },
    payments::{Preparation, stripe::API_VERSION},
};
use system_tests::{Customer, Shop, eventually, new_key, purchase_with};

use crate::{
    runbooks::{printed, xtask},
    saga::providers,
};

/// What a comparison that finds something at both providers counts.
const COUNTED: [(&str, &str); 3] = [("MoneyDifference", "stripe"), ("MoneyDifference", "paypal"), ("MoneyReconciled", "")];

const PRICE: Money = Money { amount: 4599, currency: Currency::USD };

/// Makes a payment for this order at the provider, behind the shop's back, and answers its reference.
async fn prepared(shop: &Shop, provider: Provider, order_id: &OrderId) -> String {
    let preparation = Preparation { order_id, attempt: 1, amount: PRICE, account: None };
    providers(shop).gateway(provider).prepare(&preparation).await.unwrap()
}

async fn authorized(shop: &Shop, provider: Provider, order_id: &OrderId, token: &str) -> String {
    let reference = prepared(shop, provider, order_id).await;
    providers(shop).gateway(provider).authorize(order_id, &reference, &token.into()).await.unwrap();
    reference
}

/// What somebody does by hand, in the provider's own dashboard; answers the object's id.
pub(crate) async fn by_hand(shop: &Shop, path: &str, form: String) -> String {
    let request = shop.http.post(format!("{}{path}", shop.outputs.stripe_url)).bearer_auth("sk_test_simulator");
    let request = request.header("Stripe-Version", API_VERSION).header("Idempotency-Key", new_key());
    let made = request.header("Content-Type", "application/x-www-form-urlencoded").body(form).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// An order that was paid with this method and captured.
async fn paid(shop: &Shop, customer: &Customer, provider: &str, token: &str) -> OrderId {
    let key = new_key();
    let order_id = customer.order_id(&key);
    let bought = customer.checkout(&key, &purchase_with(&[("mug-speckled", 1)], &[(provider, token)])).await;
    assert_eq!(bought.status, 201, "{bought:?}");
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    order_id
}

pub(crate) async fn refund_a_dollar(admin: &Customer, order_id: &OrderId) {
    let dollar = json!({"amount": {"amount": 100, "currency": "USD"}});
    let refund = admin.post(&format!("/v1/orders/{order_id}/refunds"), &new_key(), &dollar).await;
    assert_eq!(refund.status, 202, "{refund:?}");
}

/// Whether receive-webhook logged this of the order.
async fn webhook_said(order_id: &OrderId, text: &str) -> bool {
    said("receive-webhook", order_id, text).await
}

/// Whether a function logged this of the order.
async fn said(function: &str, order_id: &OrderId, text: &str) -> bool {
    let logs = printed(&xtask(&["order", order_id.as_str(), "--logs"]).await);
    let by_function = |line: &str| line.contains(function) || line.contains(&function.replace('-', "_"));
    logs.lines().any(|line| by_function(line) && line.contains(text))
}

#[tokio::test]
async fn paypals_word_of_a_refund_of_ours_names_its_order_and_the_books_agree() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let order_id = paid(&shop, &kareem, "paypal", "vault_ok").await;
    refund_a_dollar(&admin, &order_id).await;
    assert_eq!(shop.closed(&order_id).await.refund_status(), RefundStatus::Partial);
    eventually("the refund's webhook names the order", || webhook_said(&order_id, "PAYMENT.CAPTURE.REFUNDED")).await;
    let ran = xtask(&["reconcile"]).await;
    let report = printed(&ran);
    assert!(ran.status.success() && report.contains("payments were compared"), "{report}");
    assert!(!report.contains(order_id.as_str()), "{report}");
}

#[tokio::test]
async fn a_refund_that_fails_after_it_was_done_is_heard_of_by_its_webhook() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let order_id = paid(&shop, &kareem, "stripe", "pm_card_refundFail").await;
    refund_a_dollar(&admin, &order_id).await;
    let facts =
        async || -> Vec<Fact> { shop.events().load(&order_id).await.unwrap().into_iter().map(|event| event.fact).collect() };
    let failed = |facts: &[Fact]| facts.iter().any(|fact| matches!(fact, Fact::RefundFailed { .. }));
    eventually("the refund is known to have failed", || async { failed(&facts().await) }).await;
    let facts = facts().await;
    assert!(
        facts.iter().any(|fact| matches!(fact, Fact::PaymentRefunded { .. })),
        "Stripe said first that it was done: {facts:?}"
    );
    eventually("an operator is told", || webhook_said(&order_id, "the refund failed")).await;
}

#[tokio::test]
async fn money_that_the_providers_hold_and_no_event_names_is_told_and_an_unused_object_is_not() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let bought = paid(&shop, &kareem, "stripe", "pm_card_visa").await;
    let by_paypal = paid(&shop, &kareem, "paypal", "vault_ok").await;
    let nobody = kareem.order_id(&new_key());

    let twice = authorized(&shop, Provider::Stripe, &bought, "pm_card_visa").await;
    let of_no_order = authorized(&shop, Provider::Stripe, &nobody, "pm_card_visa").await;
    let form =
        "amount=1200&currency=usd&capture_method=manual&payment_method_types[]=card&payment_method=pm_card_visa&confirm=true";
    let by_hand = by_hand(&shop, "/v1/payment_intents", form.to_owned()).await;
    let twice_by_paypal = authorized(&shop, Provider::Paypal, &by_paypal, "vault_ok").await;
    let of_no_order_by_paypal = authorized(&shop, Provider::Paypal, &nobody, "vault_ok").await;
    let unused = prepared(&shop, Provider::Stripe, &bought).await;
    let reference = async |order_id| shop.events().order(order_id).await.unwrap().attempts()[0].reference.clone();
    let known = [reference(&bought).await, reference(&by_paypal).await];

    let mut before = Vec::new();
    for (metric, provider) in COUNTED {
        before.push(shop.counted(metric, provider).await);
    }
    let told = printed(&xtask(&["reconcile"]).await);
    let kept = printed(&xtask(&["reconcile", "--last"]).await);
    for report in [&told, &kept] {
        let lines_of = |text: &str| report.lines().filter(|line| line.contains(text)).map(ToOwned::to_owned).collect::<Vec<_>>();
        for reference in [&twice, &of_no_order, &twice_by_paypal, &of_no_order_by_paypal] {
            let lines = lines_of(reference);
            assert!(lines.len() == 1 && lines[0].contains("a payment that no event of its order names"), "{reference}: {report}");
        }
        let lines = lines_of(&by_hand);
        assert!(lines.len() == 1 && lines[0].contains("a payment that names no order"), "{report}");
        assert!(lines_of(&unused).is_empty(), "it moved nothing: {report}");
        assert!(known.iter().all(|known| lines_of(known).is_empty()), "the events name them: {report}");
    }
    eventually("the difference is logged", || said("reconcile-money", &bought, "the books differ")).await;
    for ((metric, provider), before) in COUNTED.into_iter().zip(before) {
        shop.counted_since(metric, provider, before).await;
    }
}

#[tokio::test]
async fn a_refund_that_somebody_made_at_the_provider_is_told_and_one_of_ours_is_not() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let (mut references, mut orders) = (Vec::new(), Vec::new());
    for is_by_hand in [true, false] {
        let order_id = paid(&shop, &kareem, "stripe", "pm_card_visa").await;
        let reference = shop.events().order(&order_id).await.unwrap().attempts()[0].reference.clone();
        if is_by_hand {
            by_hand(&shop, "/v1/refunds", format!("payment_intent={reference}&amount=100")).await;
        } else {
            refund_a_dollar(&admin, &order_id).await;
            assert_eq!(shop.closed(&order_id).await.refund_status(), RefundStatus::Partial);
        }
        references.push(reference);
        orders.push(order_id);
    }
    eventually("the webhook of the refund tells of it", || webhook_said(&orders[0], "the books differ")).await;
    eventually("the other's webhook came", || webhook_said(&orders[1], "refund.")).await;
    assert!(!webhook_said(&orders[1], "the books differ").await);

    let report = printed(&xtask(&["reconcile"]).await);
    let lines_of = |reference: &String| report.lines().filter(|line| line.contains(reference)).collect::<Vec<_>>();
    let lines = lines_of(&references[0]);
    assert!(lines.len() == 1 && lines[0].contains("the provider gave back money that no event speaks of"), "{report}");
    assert!(lines_of(&references[1]).is_empty(), "{report}");
}

//! The providers' books against ours: what they hold beyond the events is told.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use reconcile_money::problems;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    domain::{
        event::Provider,
        ids::{OrderId, RefundId},
        money::{Currency, Money},
        order::{Order, RefundStatus, Status},
    },
    payments::{
        ListedPayment, ListedRefund, MethodOwner, PaymentError, PaymentGateway, PaymentState, Preparation, RefundState,
        stripe::API_VERSION,
    },
    repositories::order_events::OrderEvents,
};
use system_tests::{Customer, Shop, eventually, new_key, purchase, purchase_with};

use crate::{
    runbooks::{printed, xtask},
    saga::{Saga, providers},
};

/// A provider at which money moves, with our own event of it, just while it is asked.
#[derive(Debug)]
struct MovesMeanwhile {
    events: OrderEvents,
    order_id: OrderId,
    captured: AtomicBool,
}

impl MovesMeanwhile {
    fn dollar() -> Money {
        Money { amount: 100, ..PRICE }
    }

    fn refund(&self) -> RefundId {
        RefundId::for_request(&self.order_id, "k")
    }
}

#[async_trait]
impl PaymentGateway for MovesMeanwhile {
    async fn read(&self, _: &str) -> Result<PaymentState, PaymentError> {
        if !self.captured.swap(true, Ordering::Relaxed) {
            self.events.advance(&self.order_id, Order::start_capture).await.unwrap();
            self.events.advance(&self.order_id, |order| order.capture(1)).await.unwrap();
        }
        Ok(PaymentState::Captured)
    }

    async fn refunds(&self, _: &str) -> Result<Vec<ListedRefund>, PaymentError> {
        self.events.advance(&self.order_id, |order| order.start_refund(&self.refund(), Self::dollar())).await.unwrap();
        Ok(vec![ListedRefund { name: Some(self.refund().as_str().into()), state: RefundState::Refunded }])
    }

    async fn owner(&self, _: &SecretString) -> Result<MethodOwner, PaymentError> {
        unreachable!("it is read only")
    }

    async fn prepare(&self, _: &Preparation<'_>) -> Result<String, PaymentError> {
        unreachable!("it is read only")
    }

    async fn authorize(&self, _: &OrderId, _: &str, _: &SecretString) -> Result<PaymentState, PaymentError> {
        unreachable!("it is read only")
    }

    async fn action_url(&self, _: &str) -> Result<Option<SecretString>, PaymentError> {
        unreachable!("it is read only")
    }

    async fn void(&self, _: &str) -> Result<PaymentState, PaymentError> {
        unreachable!("it is read only")
    }

    async fn capture(&self, _: &str, _: Money) -> Result<PaymentState, PaymentError> {
        unreachable!("it is read only")
    }

    async fn refund(&self, _: &str, _: &RefundId, _: Money) -> Result<RefundState, PaymentError> {
        unreachable!("it is read only")
    }

    async fn order_of(&self, _: &str) -> Result<Option<OrderId>, PaymentError> {
        unreachable!("it is read only")
    }

    async fn list(&self, _: Timestamp) -> Result<Vec<ListedPayment>, PaymentError> {
        unreachable!("it is read only")
    }

    async fn warm(&self) {}
}

#[tokio::test]
async fn what_happens_while_the_provider_is_asked_is_no_difference() {
    let saga = Saga::placed(Provider::Stripe, "pm_card_visa").await;
    saga.reserve().await.unwrap();
    saga.authorize().await.unwrap();
    saga.confirm().await.unwrap();
    let gateway =
        MovesMeanwhile { events: saga.events.clone(), order_id: saga.order_id.clone(), captured: AtomicBool::new(false) };
    for refunded in [0, 1] {
        let before = saga.order().await;
        assert_eq!(before.captured_attempt(), (refunded == 1).then_some(1));
        let problems = problems(&saga.events, &gateway, &before, &before.attempts()[0], Timestamp::now()).await.unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(saga.order().await.refunds().len(), refunded);
        assert!(before.sequence < saga.order().await.sequence, "it moved meanwhile");
    }
    let forgotten = RefundId::for_request(&saga.order_id, "forgotten");
    let by_hand = ListedRefund { name: Some(forgotten.as_str().into()), state: RefundState::Refunded };
    assert!(saga.order().await.refund_difference(&[by_hand]).is_some(), "one that stays is one");
}

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
async fn by_hand(shop: &Shop, path: &str, form: String) -> String {
    let request = shop.http.post(format!("{}{path}", shop.outputs.stripe_url)).bearer_auth("sk_test_simulator");
    let request = request.header("Stripe-Version", API_VERSION).header("Idempotency-Key", new_key());
    let made = request.header("Content-Type", "application/x-www-form-urlencoded").body(form).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

async fn refund_a_dollar(shop: &Shop, admin: &Customer, order_id: &OrderId) {
    let dollar = json!({"amount": {"amount": 100, "currency": "USD"}});
    let refund = admin.post(&format!("/v1/orders/{order_id}/refunds"), &new_key(), &dollar).await;
    assert_eq!(refund.status, 202, "{refund:?}");
    assert_eq!(shop.closed(order_id).await.refund_status(), RefundStatus::Partial);
}

/// Whether receive-webhook logged this of the order.
async fn webhook_said(order_id: &OrderId, text: &str) -> bool {
    let logs = printed(&xtask(&["order", order_id.as_str(), "--logs"]).await);
    logs.lines().any(|line| line.contains("receive_webhook") && line.contains(text))
}

#[tokio::test]
async fn paypals_word_of_a_refund_of_ours_reaches_its_order() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let key = new_key();
    let order_id = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase_with(&[("mug-speckled", 1)], &[("paypal", "vault_ok")])).await.status, 201);
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    refund_a_dollar(&shop, &admin, &order_id).await;
    eventually("the refund's webhook names the order", || webhook_said(&order_id, "PAYMENT.CAPTURE.REFUNDED")).await;
    assert!(!webhook_said(&order_id, "the books differ").await);
}

#[tokio::test]
async fn money_that_the_providers_hold_and_no_event_names_is_told_and_an_unused_object_is_not() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let bought = kareem.order_id(&key);
    assert_eq!(kareem.checkout(&key, &purchase(&[("mug-speckled", 1)], "pm_card_visa")).await.status, 201);
    assert_eq!(shop.closed(&bought).await.status(), Status::Paid);
    let key = new_key();
    let by_paypal = kareem.order_id(&key);
    let with_paypal = purchase_with(&[("mug-speckled", 1)], &[("paypal", "vault_ok")]);
    assert_eq!(kareem.checkout(&key, &with_paypal).await.status, 201);
    assert_eq!(shop.closed(&by_paypal).await.status(), Status::Paid);
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
}

#[tokio::test]
async fn a_refund_that_somebody_made_at_the_provider_is_told_and_one_of_ours_is_not() {
    let shop = Shop::running();
    let (kareem, admin) = (shop.sign_in("kareem").await, shop.sign_in("admin").await);
    let (mut references, mut orders) = (Vec::new(), Vec::new());
    for is_by_hand in [true, false] {
        let key = new_key();
        let order_id = kareem.order_id(&key);
        assert_eq!(kareem.checkout(&key, &purchase(&[("mug-speckled", 1)], "pm_card_visa")).await.status, 201);
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
        let reference = shop.events().order(&order_id).await.unwrap().attempts()[0].reference.clone();
        if is_by_hand {
            by_hand(&shop, "/v1/refunds", format!("payment_intent={reference}&amount=100")).await;
        } else {
            refund_a_dollar(&shop, &admin, &order_id).await;
        }
        references.push(reference);
        orders.push(order_id);
    }
    eventually("the webhook of the refund tells of it", || webhook_said(&orders[0], "the books differ")).await;
    assert!(!webhook_said(&orders[1], "the books differ").await);

    let report = printed(&xtask(&["reconcile"]).await);
    let lines_of = |reference: &String| report.lines().filter(|line| line.contains(reference)).collect::<Vec<_>>();
    let lines = lines_of(&references[0]);
    assert!(lines.len() == 1 && lines[0].contains("the provider gave back money that no event speaks of"), "{report}");
    assert!(lines_of(&references[1]).is_empty(), "{report}");
}

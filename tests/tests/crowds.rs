//! Crowds, one after the other: the local gateway takes some sixty connections at once, so no other test runs beside them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use shared::{
    domain::{
        event::{Provider, Rejection},
        order::{Order, Outcome, Status},
    },
    payments::breaker::Rules,
};
use system_tests::{Answer, Customer, Shop, eventually, new_key, purchase, purchase_with};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinSet,
};

const CARD: &str = "pm_card_visa";

/// Held by the crowd that is in the shop.
static DOOR: Mutex<()> = Mutex::const_new(());

/// So many of a crowd are served at once; the others wait at the door.
const AT_ONCE: usize = 48;

#[tokio::test]
async fn forty_buyers_of_five_lamps_buy_exactly_five() {
    let _alone = DOOR.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let before = shop.available("limited-lamp").await;
    assert_eq!(before, 5, "the lamps are this test's alone");
    let mut buyers = JoinSet::new();
    for _ in 0..40 {
        let (kareem, shop) = (kareem.clone(), shop.clone());
        buyers.spawn(async move {
            let key = new_key();
            let answer = kareem.checkout_patiently(&key, &purchase(&[("limited-lamp", 1)], CARD)).await;
            assert!([201, 202, 409].contains(&answer.status), "{answer:?}");
            shop.closed(&kareem.order_id(&key)).await.status()
        });
    }
    let ends = buyers.join_all().await;
    assert_eq!(ends.iter().filter(|end| **end == Status::Paid).count(), 5);
    assert_eq!(ends.iter().filter(|end| **end == Status::Rejected).count(), 35);
    assert_eq!(shop.available("limited-lamp").await, 0);
}

#[tokio::test]
async fn a_thousand_requests_with_one_key_make_one_order_and_one_authorisation() {
    let _alone = DOOR.lock().await;
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let sku = shop.own_product(10).await;
    let door = Arc::new(Semaphore::new(AT_ONCE));
    let (key, body) = (new_key(), purchase(&[(sku.as_str(), 1)], CARD));
    let mut requests = JoinSet::new();
    for _ in 0..1000 {
        let (amina, key, body, door) = (amina.clone(), key.clone(), body.clone(), door.clone());
        requests.spawn(async move {
            loop {
                let turn = door.acquire().await.unwrap();
                let answer = amina.checkout(&key, &body).await;
                drop(turn);
                let Some(seconds) = answer.header("retry-after") else { return answer };
                tokio::time::sleep(std::time::Duration::from_secs(seconds.parse().unwrap())).await;
            }
        });
    }
    let answers: Vec<Answer> = requests.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (answers[0].status, &answers[0].body), "every final answer is the same");
    }
    assert!(answers[0].status == 201 || answers[0].status == 202, "{:?}", answers[0]);
    assert_eq!(shop.closed(&amina.order_id(&key)).await.status(), Status::Paid);
    assert_eq!(shop.ledger(&amina.order_id(&key)).await, ["authorize", "capture"]);
    assert_eq!(shop.available(sku.as_str()).await, 9);
}

/// What one of many customers does.
#[derive(Clone, Copy)]
enum Buyer {
    Keeps,
    CancelsAtOnce,
    CancelsLater,
    IsDeclined,
}

#[tokio::test]
async fn buyers_of_a_few_hot_products_with_cancels_and_declines_leave_the_stock_right_to_the_unit() {
    let _alone = DOOR.lock().await;
    let door = Arc::new(Semaphore::new(12));
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let hot = [shop.own_product(12).await, shop.own_product(9).await, shop.own_product(6).await];
    let mut buyers = JoinSet::new();
    for number in 0..48_usize {
        let (shop, kareem, door) = (shop.clone(), kareem.clone(), door.clone());
        let lines = [(hot[number % 3].clone(), 1), (hot[(number + 1) % 3].clone(), 1 + u32::from(number % 5 == 0))];
        let buyer = [Buyer::Keeps, Buyer::CancelsLater, Buyer::IsDeclined, Buyer::CancelsAtOnce][number % 4];
        buyers.spawn(async move {
            let _turn = door.acquire().await.unwrap();
            (lines.clone(), buy(&shop, &kareem, &lines, buyer).await)
        });
    }
    let mut held: BTreeMap<String, u32> = BTreeMap::new();
    let (mut paid, mut declined, mut cancelled) = (0, 0, 0);
    for (lines, order) in buyers.join_all().await {
        for (sku, quantity) in lines {
            *held.entry(sku.to_string()).or_default() += if order.status() == Status::Paid { quantity } else { 0 };
        }
        match order.outcome() {
            Outcome::Confirmed { .. } => paid += 1,
            Outcome::Rejected(Rejection::PaymentDeclined { .. }) => declined += 1,
            Outcome::Cancelled(_) => cancelled += 1,
            Outcome::Rejected(Rejection::OutOfStock { .. }) | Outcome::Open => {}
        }
    }
    assert!(paid > 0 && declined > 0 && cancelled > 0, "{paid} paid, {declined} declined, {cancelled} cancelled");
    for (sku, stocked) in hot.iter().zip([12, 9, 6]) {
        let available = shop.available(sku.as_str()).await;
        assert_eq!(available + held[sku.as_str()], stocked, "available + held = stocked for {sku}");
    }
}

async fn buy(shop: &Shop, kareem: &Customer, lines: &[(shared::domain::ids::Sku, u32)], buyer: Buyer) -> Order {
    let key = new_key();
    let order_id = kareem.order_id(&key);
    let token = if matches!(buyer, Buyer::IsDeclined) { "pm_card_visa_chargeDeclined" } else { CARD };
    let lines: Vec<_> = lines.iter().map(|(sku, quantity)| (sku.as_str(), *quantity)).collect();
    let body = purchase_with(&lines, &[("stripe", token)]);
    let checkout = kareem.checkout_patiently(&key, &body);
    match buyer {
        Buyer::CancelsAtOnce => {
            let _ = tokio::join!(checkout, async {
                tokio::time::sleep(std::time::Duration::from_millis(400)).await;
                kareem.cancel_patiently(&order_id).await
            });
        }
        Buyer::CancelsLater => {
            checkout.await;
            kareem.cancel_patiently(&order_id).await;
        }
        Buyer::Keeps | Buyer::IsDeclined => {
            checkout.await;
        }
    }
    let order = shop.closed(&order_id).await;
    let lines = shop.ledger(&order_id).await;
    let count = |operation: &str| lines.iter().filter(|line| *line == operation).count();
    assert_eq!(count("authorize"), count("capture") + count("void"), "no hold is left: {lines:?}");
    assert!(
        count("capture") <= 1 && count("refund") == usize::from(order.status() == Status::Cancelled) * count("capture"),
        "{lines:?}"
    );
    order
}

/// What the click's own workflow is held at until others work on its order.
const HELD: &str = "authorize-payment/stripe.ConfirmPaymentIntent#1";

/// What the first of the workflows that gets there is held at until webhooks have come.
const CONFIRMING: &str = "confirm-order/dynamodb.PutItem(OrderEventsTable)#1";

#[tokio::test]
async fn workflows_settlements_and_webhooks_on_one_order_at_once_charge_it_once() {
    let _alone = DOOR.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for _ in 0..3 {
        let key = new_key();
        let order_id = kareem.order_id(&key);
        let body = purchase(&[("coffee-beans", 1)], CARD);
        let machines = [shop.resource("CheckoutStateMachine"), shop.resource("SettlementStateMachine")];
        shop.strike(&order_id, HELD, "freeze").await;
        shop.strike(&order_id, CONFIRMING, "freeze").await;
        let crowd = async {
            eventually("the first workflow asks Stripe to hold the money", || shop.is_held(&order_id, HELD)).await;
            shop.python("crowd.py", &[order_id.as_str(), machines[0], machines[1]]).await;
            let others = || async { shop.calls(&order_id, "authorize-payment/stripe.RetrievePaymentIntent").await >= 2 };
            eventually("others look at the attempt meanwhile", others).await;
            assert!(shop.thaw(&order_id, HELD).await, "its request was on its way all the time");
            eventually("one of them confirms", || shop.is_held(&order_id, CONFIRMING)).await;
            // Until Stripe has told of the order, there is nothing to tell again. Each is answered before the next is sent.
            eventually("webhooks are replayed", || async { shop.replay_webhooks(&order_id, 3).await >= 3 }).await;
            assert!(shop.calls(&order_id, "receive-webhook/stripe.RetrievePaymentIntent").await > 0, "they asked meanwhile");
            assert!(shop.thaw(&order_id, CONFIRMING).await, "its request was on its way all the time");
        };
        let (answer, ()) = tokio::join!(kareem.checkout_patiently(&key, &body), crowd);
        assert!([201, 202].contains(&answer.status), "{answer:?}");
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
        assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"]);
    }
}

/// A breaker is every order's, so nothing else may be in the shop.
#[tokio::test]
async fn while_a_provider_is_down_nothing_is_prepared_with_it_until_a_probe_finds_it_well() {
    let _alone = DOOR.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let lines = [("coffee-beans", 1)];
    let health = shop.provider_health();
    let rules = Rules {
        failures: 1,
        window: Duration::from_mins(1),
        open: Duration::ZERO,
        probe_lease: Duration::ZERO,
        call: Duration::ZERO,
    };
    let before = health.load(Provider::Stripe).await.unwrap();
    // Some seconds ahead, so that no probe is let through before both have asked.
    let down = before.failed(Timestamp::now() + Duration::from_secs(6), &rules).expect("it was closed");
    assert!(health.replace(Provider::Stripe, &before, &down).await.unwrap());
    // What the functions have cached of it is a second old at most.
    tokio::time::sleep(Duration::from_millis(1100)).await;

    let transitions = ["BreakerProbed", "BreakerClosed"];
    let counted = [shop.counted(transitions[0], "stripe").await, shop.counted(transitions[1], "stripe").await];

    let (with_two, with_one) = (new_key(), new_key());
    let (both, card) = (purchase_with(&lines, &[("stripe", CARD), ("paypal", "vault_ok")]), purchase(&lines, CARD));
    let (paid, waiting) = tokio::join!(kareem.checkout(&with_two, &both), kareem.checkout(&with_one, &card));
    assert_eq!(paid.status, 201, "the other provider is asked at once: {paid:?}");
    let order = shop.closed(&kareem.order_id(&with_two)).await;
    let providers: Vec<_> = order.attempts().iter().map(|attempt| attempt.provider).collect();
    assert_eq!(providers, [Provider::Paypal]);
    assert_eq!(waiting.status, 202, "{waiting:?}");
    let order_id = kareem.order_id(&with_one);
    let so_far = shop.event_names(&order_id).await;
    assert!(!so_far.contains(&"PaymentPrepared"), "{so_far:?}");
    assert!(health.load(Provider::Stripe).await.unwrap().is_open());

    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid, "settlement's own try was the probe");
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"]);
    assert!(!health.load(Provider::Stripe).await.unwrap().is_open());
    for (transition, before) in transitions.into_iter().zip(counted) {
        shop.counted_since(transition, "stripe", before).await;
    }
}

/// The provider's clock is shifted for all of its orders, so nothing else may be in the shop.
#[tokio::test]
async fn a_repeat_minutes_hours_and_a_day_later_never_charges_twice() {
    let _alone = DOOR.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let clock = format!("{}/clock", shop.outputs.payment_simulator_url);
    let (card, paypal) = (("stripe", CARD), ("paypal", "vault_ok"));
    let faults = [None, Some("lose_answer"), Some("error")];
    for (method, fault) in faults.map(|fault| (card, fault)).into_iter().chain(faults.map(|fault| (paypal, fault))) {
        let (key, body) = (new_key(), purchase_with(&[("coffee-beans", 1)], &[method]));
        let order_id = kareem.order_id(&key);
        if let Some(fault) = fault {
            shop.fault_at(method.0, &order_id, "authorize", fault, 3).await;
        }
        let first = kareem.checkout_patiently(&key, &body).await;
        assert!([201, 202].contains(&first.status), "{first:?}");
        for hours_and_minutes in [(0, 11), (7, 0), (25, 0)] {
            let seconds = hours_and_minutes.0 * 3600 + hours_and_minutes.1 * 60;
            shop.http.put(&clock).json(&serde_json::json!({"advance_seconds": seconds})).send().await.unwrap();
            shop.forget(&kareem.id, "POST /v1/checkout", &key).await;
            let later = kareem.checkout_patiently(&key, &body).await;
            assert!([201, 202].contains(&later.status), "{method:?} {fault:?} {hours_and_minutes:?}: {later:?}");
            assert_eq!(later.body["order_id"], order_id.as_str());
        }
        assert_eq!(shop.closed(&order_id).await.status(), Status::Paid, "{method:?} {fault:?}");
        assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"], "{method:?} {fault:?}");
    }
    shop.http.delete(&clock).send().await.unwrap();
}

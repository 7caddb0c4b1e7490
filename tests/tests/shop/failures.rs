//! A provider that fails: whatever happens after the order is written, the customer's order was received.

use system_tests::{Shop, new_key, purchase};

const CARD: &str = "pm_card_visa";

#[tokio::test]
async fn an_authorisation_whose_answer_is_lost_is_read_and_never_repeated() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for fault in ["lose_answer", "error_after"] {
        let key = new_key();
        shop.fault(&kareem.order_id(&key), "authorize", fault, 1).await;
        let answer = kareem.checkout(&key, &purchase(&[("candle-beeswax", 1)], CARD)).await;
        assert_eq!(answer.status, 201, "{fault}: {answer:?}");
        assert_eq!(shop.ledger(&kareem.order_id(&key)).await, ["authorize"], "{fault}");
    }
}

#[tokio::test]
async fn a_provider_that_fails_for_long_leaves_the_order_received_and_never_a_5xx() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for operation in ["prepare", "authorize"] {
        let (key, body) = (new_key(), purchase(&[("candle-beeswax", 1)], CARD));
        shop.fault(&kareem.order_id(&key), operation, "error", 50).await;
        let answer = kareem.checkout(&key, &body).await;
        assert_eq!(answer.status, 202, "{operation}: {answer:?}");
        assert_eq!(answer.body["status"], "pending");
        assert_eq!(shop.ledger(&kareem.order_id(&key)).await, [""; 0]);
        let again = kareem.checkout(&key, &body).await;
        assert_eq!((again.status, again.body), (202, answer.body), "the answer is kept for repeats");
    }
}

#[tokio::test]
async fn a_provider_that_fails_once_costs_nothing_but_a_moment() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for operation in ["prepare", "authorize"] {
        let key = new_key();
        shop.fault(&kareem.order_id(&key), operation, "error", 1).await;
        let answer = kareem.checkout(&key, &purchase(&[("candle-beeswax", 1)], CARD)).await;
        assert_eq!(answer.status, 201, "{operation}: {answer:?}");
        assert_eq!(shop.ledger(&kareem.order_id(&key)).await, ["authorize"]);
    }
}

#[tokio::test]
async fn a_void_that_fails_stops_neither_the_release_nor_the_answer() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let before = shop.available("cushion-saffron").await;
    let key = new_key();
    shop.fault(&kareem.order_id(&key), "void", "error", 50).await;
    let answer = kareem.checkout(&key, &purchase(&[("cushion-saffron", 2)], "pm_card_visa_chargeDeclined")).await;
    assert_eq!(answer.problem(), (402, "payment_declined"));
    assert_eq!(shop.available("cushion-saffron").await, before);
    let order = shop.events().order(&kareem.order_id(&key)).await.unwrap();
    assert_eq!(order.owes(), [shared::domain::order::Owed::Void { attempt: 1 }], "the void stays owed");
}

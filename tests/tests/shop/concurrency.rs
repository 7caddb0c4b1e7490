use std::collections::BTreeMap;

use system_tests::{Shop, new_key, purchase};
use tokio::task::JoinSet;

const CARD: &str = "pm_card_visa";

#[tokio::test]
async fn forty_buyers_of_five_lamps_buy_exactly_five() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let before = shop.available("limited-lamp").await;
    assert_eq!(before, 5, "the lamps are this test's alone");
    let mut buyers = JoinSet::new();
    for _ in 0..40 {
        let kareem = kareem.clone();
        buyers.spawn(async move { kareem.checkout_patiently(&new_key(), &purchase(&[("limited-lamp", 1)], CARD)).await });
    }
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in buyers.join_all().await {
        *answers.entry(answer.status).or_default() += 1;
    }
    assert_eq!(answers, BTreeMap::from([(201, 5), (409, 35)]));
    assert_eq!(shop.available("limited-lamp").await, 0);
}

#[tokio::test]
async fn fifty_requests_with_one_key_make_one_order_and_one_authorisation() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let (key, body) = (new_key(), purchase(&[("throw-wool", 1)], CARD));
    let before = shop.available("throw-wool").await;
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let (amina, key, body) = (amina.clone(), key.clone(), body.clone());
        requests.spawn(async move { amina.checkout_patiently(&key, &body).await });
    }
    let answers = requests.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (answers[0].status, &answers[0].body), "every final answer is the same");
    }
    assert_eq!(answers[0].status, 201, "{:?}", answers[0]);
    assert_eq!(shop.ledger(&amina.order_id(&key)).await, ["authorize"]);
    assert_eq!(shop.available("throw-wool").await, before - 1);
}

//! A provider that fails: whatever happens after the order is written, the customer's order was received.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::{dead_letters::DeadLetter, domain::order::Status};
use system_tests::{Shop, eventually, new_key, purchase};

use crate::dead_letters::DEAD_LETTERS;

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
        shop.closed(&kareem.order_id(&key)).await;
        assert_eq!(shop.ledger(&kareem.order_id(&key)).await, ["authorize", "capture"], "{fault}");
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
        shop.closed(&kareem.order_id(&key)).await;
        assert_eq!(shop.ledger(&kareem.order_id(&key)).await, ["authorize", "capture"]);
    }
}

/// Made anew from the order, it would not be the same word for word.
#[tokio::test]
async fn an_answer_that_cannot_be_kept_for_repeats_is_not_given() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let (key, body) = (new_key(), purchase(&[("candle-beeswax", 1)], "pm_card_visa_chargeDeclined"));
    let order_id = kareem.order_id(&key);
    let aliases = format!("{}/aliases", shop.outputs.fault_proxy_url);
    shop.http.put(aliases).json(&serde_json::json!({"alias": key, "order_id": order_id})).send().await.unwrap();
    for occurrence in 1..=3 {
        let keep = format!("checkout/dynamodb.UpdateItem(IdempotencyKeysTable)#{occurrence}");
        shop.strike(&order_id, &keep, "error").await;
    }
    let unkept = kareem.checkout(&key, &body).await;
    assert_eq!(unkept.problem(), (503, "overloaded"));
    let told = kareem.checkout_patiently(&key, &body).await;
    assert_eq!(told.problem(), (402, "payment_declined"));
    assert_eq!(kareem.checkout(&key, &body).await.body, told.body);
}

/// A second saga would be started beside one that may run: the click starts none, and the settlement does the rest.
#[tokio::test]
async fn a_workflow_whose_start_fails_is_not_started_again_by_the_click() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    shop.strike(&kareem.order_id(&key), "checkout/states.StartSyncExecution#1", "error").await;
    let answer = kareem.checkout(&key, &purchase(&[("candle-beeswax", 1)], CARD)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(shop.closed(&kareem.order_id(&key)).await.status(), Status::Paid);
}

#[tokio::test]
async fn a_void_that_fails_stops_neither_the_release_nor_the_answer() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let sku = shop.own_product(5).await;
    let key = new_key();
    shop.fault(&kareem.order_id(&key), "void", "error", 50).await;
    let answer = kareem.checkout(&key, &purchase(&[(sku.as_str(), 2)], "pm_card_visa_chargeDeclined")).await;
    assert_eq!(answer.problem(), (402, "payment_declined"));
    assert_eq!(shop.available(sku.as_str()).await, 5);
    let order = shop.events().order(&kareem.order_id(&key)).await.unwrap();
    assert_eq!(order.owes(), [shared::domain::order::Owed::Void { attempt: 1 }], "the void stays owed");
}

#[tokio::test]
async fn a_poisonous_record_goes_to_the_dead_letters_and_what_is_behind_it_arrives() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let poisoned = kareem.order_id(&new_key());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = shop.dynamodb.put_item().table_name(shop.resource("OrderEventsTable"));
    let put = put.item("order_id", text(poisoned.as_str())).item("sequence", AttributeValue::N("7".into()));
    put.item("type", text("OrderConfirmed")).item("at", text("not a time")).send().await.unwrap();
    let key = new_key();
    assert_eq!(kareem.checkout(&key, &purchase(&[("olive-oil", 1)], CARD)).await.status, 201);
    let behind = shop.closed(&kareem.order_id(&key)).await;
    eventually("the list shows the order behind it", || async {
        shop.row(&behind).await.is_some_and(|row| row.status == behind.status())
    })
    .await;
    eventually("the order behind it is confirmed by e-mail", || async {
        !shop.mails(kareem.order_id(&key).as_str()).await.is_empty()
    })
    .await;

    let sqs = aws_sdk_sqs::Client::new(&system_tests::local_aws(&shop.outputs.aws_endpoint));
    for queue in ["PublishEventsDeadLetters", "ProjectOrdersDeadLetters"] {
        let received =
            sqs.receive_message().queue_url(shop.resource(queue)).max_number_of_messages(10).wait_time_seconds(10).send().await;
        let bodies: Vec<_> =
            received.unwrap().messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect();
        let letters: Vec<DeadLetter> = bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
        let ours = letters.iter().find(|letter| letter.order_id.as_ref() == Some(&poisoned));
        let ours = ours.unwrap_or_else(|| panic!("{queue} has no letter of it: {letters:?}"));
        assert_eq!(ours.sequence, Some(7));
        assert!(ours.reason.contains("no event"), "{ours:?}");
    }
}

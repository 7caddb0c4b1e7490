//! The guard: it comes again until its order is closed, whatever happens to itself.

use shared::domain::order::Status;
use system_tests::{Shop, eventually, new_key, purchase};

use crate::runbooks::{printed, xtask};

/// Every try to read the order fails. Its message is used up all the same: who comes again is a new guard, by its own sending.
#[tokio::test]
async fn a_guard_that_cannot_read_its_order_sends_itself_again() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let order_id = kareem.order_id(&key);
    for occurrence in 1..=3 {
        let read = format!("guard-order/dynamodb.Query(OrderEventsTable)#{occurrence}");
        shop.strike(&order_id, &read, "error").await;
    }
    let before = shop.counted("GuardFailed", "").await;
    assert_eq!(kareem.checkout(&key, &purchase(&[("candle-beeswax", 1)], "pm_card_visa")).await.status, 201);
    assert_eq!(shop.closed(&order_id).await.status(), Status::Paid);
    eventually("the guard that came again removes the tokens", || async {
        shop.details(&order_id).await.is_some_and(|details| details.payment_methods.is_empty())
    })
    .await;
    assert!(shop.calls(&order_id, "guard-order/sqs.SendMessage").await > 0, "it sent itself again");
    let logs = printed(&xtask(&["order", order_id.as_str(), "--logs"]).await);
    assert!(logs.contains("the guard failed and comes again"), "{logs}");
    shop.counted_since("GuardFailed", "", before).await;
}

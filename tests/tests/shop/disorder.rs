//! Everything delivered twice and shuffled: the same final state, and each e-mail once.

use std::time::Duration;

use serde_json::json;
use shared::domain::order::Status;
use system_tests::{Shop, eventually, new_key, purchase};

/// The types that the template's stream filter lets through.
const PUBLISHED: [&str; 9] = [
    "OrderPlaced",
    "OrderConfirmed",
    "OrderRejected",
    "OrderCancelled",
    "PaymentActionRequired",
    "CaptureFailed",
    "RefundStarted",
    "RefundFailed",
    "PaymentRefunded",
];

#[tokio::test]
async fn deliveries_twice_and_out_of_order_change_nothing() {
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    for cancels in [false, true] {
        let sku = shop.own_product(5).await;
        let key = new_key();
        let order_id = amina.order_id(&key);
        assert_eq!(amina.checkout(&key, &purchase(&[(sku.as_str(), 2)], "pm_card_visa")).await.status, 201);
        shop.closed(&order_id).await;
        let mut mails = 1;
        eventually("the confirmation is sent", || async { shop.mails(order_id.as_str()).await.len() == mails }).await;
        if cancels {
            amina.cancel_patiently(&order_id).await;
            shop.closed(&order_id).await;
            mails = 2;
            eventually("the cancellation is sent", || async { shop.mails(order_id.as_str()).await.len() == mails }).await;
        }
        let before = (shop.event_names(&order_id).await, shop.ledger(&order_id).await, shop.available(sku.as_str()).await);

        let mut outputs = json!({"types": PUBLISHED});
        for name in ["ProjectOrdersFunction", "PublishEventsFunction", "SendEmailQueue", "CapturePaymentQueue", "GuardQueue"] {
            outputs[name] = shop.resource(name).into();
        }
        shop.python("deliver_again.py", &[order_id.as_str(), shop.resource("OrderEventsTable"), &outputs.to_string()]).await;
        assert!(shop.replay_webhooks(&order_id, 2).await >= 2, "there were webhooks to deliver again");
        tokio::time::sleep(Duration::from_secs(12)).await;

        let after = (shop.event_names(&order_id).await, shop.ledger(&order_id).await, shop.available(sku.as_str()).await);
        assert_eq!(after, before);
        assert_eq!(shop.mails(order_id.as_str()).await.len(), mails, "each e-mail once");
        let list = amina.get("/v1/orders?limit=100").await;
        let row = list.body["orders"].as_array().unwrap().iter().find(|row| row["order_id"] == order_id.as_str()).cloned();
        assert_eq!(row.unwrap()["status"], json!(if cancels { Status::Cancelled } else { Status::Paid }));
    }
}

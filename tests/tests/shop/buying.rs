use serde_json::json;
use system_tests::{Shop, eventually, new_key, purchase};

use crate::runbooks::{printed, xtask};

const CARD: &str = "pm_card_visa";

#[tokio::test]
async fn a_purchase_is_confirmed_and_everything_behind_it_happens() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let answer = kareem.checkout(&key, &purchase(&[("kettle-steel", 1), ("moka-pot", 2)], CARD)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let order_id = kareem.order_id(&key);
    assert_eq!(answer.body["order_id"], order_id.as_str());
    assert_eq!(answer.header("location"), Some(format!("/v1/orders/{order_id}").as_str()));
    assert_eq!(answer.body["status"], "confirmed");
    assert_eq!(answer.body["payment"], json!({"provider": "stripe", "status": "authorized"}));
    let total: u64 = answer.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["unit_price"]["amount"].as_u64().unwrap() * line["quantity"].as_u64().unwrap())
        .sum();
    assert_eq!(answer.body["total"], json!({"amount": total, "currency": "USD"}));

    let names = ["OrderPlaced", "InventoryReserved", "PaymentPrepared", "PaymentAuthorized", "OrderConfirmed"];
    assert_eq!(shop.event_names(&order_id).await[..5], names);
    shop.closed(&order_id).await;
    assert_eq!(shop.event_names(&order_id).await[5..], ["CaptureStarted", "PaymentCaptured"]);
    assert_eq!(shop.ledger(&order_id).await, ["authorize", "capture"]);

    eventually("the confirmation is in the mailbox", || async { !shop.mails(order_id.as_str()).await.is_empty() }).await;
    let mails = shop.mails(order_id.as_str()).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["To"], json!([shop.outputs.users["kareem"].username]));
    assert!(mails[0]["BodyText"].as_str().unwrap().contains("26 Secretstreet"));

    let receipt = kareem.get(&format!("/v1/orders/{order_id}/receipt")).await;
    assert_eq!(receipt.status, 302);
    let pdf = shop.http.get(receipt.header("location").unwrap()).send().await.unwrap();
    assert_eq!(pdf.status(), 200);
    assert!(pdf.bytes().await.unwrap().starts_with(b"%PDF-"));
}

#[tokio::test]
async fn the_receipts_link_works_for_nobody_who_changes_it() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    kareem.checkout(&key, &purchase(&[("honey-jar", 1)], CARD)).await;
    let path = format!("/v1/orders/{}/receipt", kareem.order_id(&key));
    eventually("the receipt is written", || async { kareem.get(&path).await.status == 302 }).await;
    let link = kareem.get(&path).await.header("location").unwrap().to_owned();
    let unsigned = link.split('?').next().unwrap();
    assert_eq!(shop.http.get(unsigned).send().await.unwrap().status(), 403);
    let other = link.replacen("receipts/ord_", "receipts/ord_0", 1);
    assert_eq!(shop.http.get(other).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_does_nothing() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let (key, body) = (new_key(), purchase(&[("tea-glasses", 1)], CARD));
    let first = kareem.checkout(&key, &body).await;
    let second = kareem.checkout(&key, &body).await;
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert_eq!(second.header("location"), first.header("location"));
    shop.closed(&kareem.order_id(&key)).await;
    assert_eq!(shop.ledger(&kareem.order_id(&key)).await, ["authorize", "capture"]);
}

#[tokio::test]
async fn a_repeat_after_the_saved_answer_expired_is_answered_from_the_order() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for (token, status) in [(CARD, 201), ("pm_card_visa_chargeDeclined", 402)] {
        let (key, body) = (new_key(), purchase(&[("ink-bottle", 1)], token));
        let first = kareem.checkout(&key, &body).await;
        assert_eq!(first.status, status);
        shop.forget(&kareem.id, "POST /v1/checkout", &key).await;
        let later = kareem.checkout(&key, &body).await;
        assert_eq!(later.status, status);
        assert_eq!(later.body["order_id"], first.body["order_id"]);
        assert_eq!(later.header("idempotent-replayed"), Some("true"));
        assert_eq!(
            shop.ledger(&kareem.order_id(&key)).await.iter().filter(|line| *line == "authorize").count(),
            usize::from(status == 201)
        );
        shop.forget(&kareem.id, "POST /v1/checkout", &key).await;
        let other = kareem.checkout(&key, &purchase(&[("ink-bottle", 2)], token)).await;
        assert_eq!(other.problem(), (422, "idempotency_key_reused"), "the order itself remembers what was asked");
    }
}

#[tokio::test]
async fn a_declined_card_holds_nothing_and_gives_the_stock_back() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let sku = shop.own_product(5).await;
    let key = new_key();
    let body = purchase(&[(sku.as_str(), 3)], "pm_card_visa_chargeDeclinedInsufficientFunds");
    let answer = kareem.checkout(&key, &body).await;
    assert_eq!(answer.problem(), (402, "payment_declined"));
    assert_eq!(answer.body["decline_code"], "insufficient_funds");
    let order_id = kareem.order_id(&key);
    let names = shop.event_names(&order_id).await;
    assert_eq!(names[..5], ["OrderPlaced", "InventoryReserved", "PaymentPrepared", "PaymentDeclined", "OrderRejected"]);
    assert!(names[5..].contains(&"PaymentVoided") && names[5..].contains(&"InventoryReleased"), "{names:?}");
    assert_eq!(shop.available(sku.as_str()).await, 5);
    assert_eq!(shop.ledger(&order_id).await, [""; 0], "nothing was ever held");
    let again = kareem.checkout(&key, &body).await;
    assert_eq!((again.status, &again.body), (402, &answer.body), "another card is a new key");
}

#[tokio::test]
async fn a_suspicion_is_kept_from_the_client_and_in_the_event() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    let answer = kareem.checkout(&key, &purchase(&[("ink-bottle", 1)], "pm_card_visa_chargeDeclinedLostCard")).await;
    assert_eq!(answer.body["decline_code"], "generic_decline");
    let order = kareem.get(&format!("/v1/orders/{}", kareem.order_id(&key))).await;
    assert!(!order.body.to_string().contains("lost_card"));
    let events = shop.events().load(&kareem.order_id(&key)).await.unwrap();
    assert!(serde_json::to_string(&events).unwrap().contains("lost_card"));
}

#[tokio::test]
async fn what_is_sold_out_is_not_sold_and_nothing_is_charged() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let sku = shop.own_product(5).await;
    let key = new_key();
    let lines = [(sku.as_str(), 1), ("sold-out-vase", 1), ("sold-out-vase", 2)];
    let answer = kareem.checkout(&key, &purchase(&lines, CARD)).await;
    assert_eq!(answer.problem(), (409, "out_of_stock"));
    assert_eq!(answer.body["items"], json!([{"sku": "sold-out-vase", "requested": 3, "available": 0}]));
    assert_eq!(shop.event_names(&kareem.order_id(&key)).await, ["OrderPlaced", "OrderRejected"]);
    assert_eq!(shop.available(sku.as_str()).await, 5, "all lines or none");
    assert_eq!(shop.ledger(&kareem.order_id(&key)).await, [""; 0]);
}

#[tokio::test]
async fn the_same_event_twice_sends_one_email() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let key = new_key();
    kareem.checkout(&key, &purchase(&[("dates-box", 1)], CARD)).await;
    let order_id = kareem.order_id(&key);
    let events = shop.events().load(&order_id).await.unwrap();
    let confirmed = events.into_iter().find(|event| event.fact.name() == "OrderConfirmed").unwrap();
    let queue = shop.resource("SendEmailQueue");
    let sqs = aws_sdk_sqs::Client::new(&system_tests::local_aws(&shop.outputs.aws_endpoint));
    for _ in 0..3 {
        let envelope = json!({"source": "souk.orders", "detail-type": "OrderConfirmed", "detail": confirmed});
        sqs.send_message().queue_url(queue).message_body(envelope.to_string()).send().await.unwrap();
    }
    eventually("three of the four messages find the e-mail sent", || async {
        let logs = printed(&xtask(&["order", order_id.as_str(), "--logs"]).await);
        logs.lines().filter(|line| line.contains("the e-mail was sent before")).count() == 3
    })
    .await;
    assert_eq!(shop.mails(order_id.as_str()).await.len(), 1);
}

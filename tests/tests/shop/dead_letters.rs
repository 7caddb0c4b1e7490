//! What cannot be worked on is put aside alone, and comes back when an operator says so.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::Client as Sqs;
use serde_json::{Value, json};
use shared::{
    dead_letters::DeadLetter,
    domain::{event::Event, ids::OrderId},
};
use system_tests::{Customer, Shop, eventually, local_aws, new_key, purchase, root};
use tokio::sync::Mutex;

use crate::runbooks::{printed, xtask};

/// Held by the test that looks at dead letters: whoever looks hides them from the others.
pub(crate) static DEAD_LETTERS: Mutex<()> = Mutex::const_new(());

/// Buys something and waits until its e-mail is sent and noted; answers the order and its `OrderConfirmed`.
async fn bought(shop: &Shop, customer: &Customer) -> Event {
    let key = new_key();
    let order_id = customer.order_id(&key);
    assert_eq!(customer.checkout(&key, &purchase(&[("olive-oil", 1)], "pm_card_visa")).await.status, 201);
    let events = shop.events().load(&order_id).await.unwrap();
    let confirmed = events.into_iter().find(|event| event.fact.name() == "OrderConfirmed").unwrap();
    eventually("the e-mail is noted", || async {
        let get = shop.dynamodb.get_item().table_name(shop.resource("SentEmailsTable")).consistent_read(true);
        let found = get.key("request_key", sent_key(customer, &confirmed)).send().await.unwrap();
        found.item.is_some_and(|item| item.contains_key("answer"))
    })
    .await;
    confirmed
}

fn sent_key(customer: &Customer, event: &Event) -> AttributeValue {
    AttributeValue::S(format!("{}#send-email#{}#{}", customer.id, event.order_id, event.sequence))
}

/// Lets the shop forget that it wrote, so that the same event is work again.
async fn forget_the_mail(shop: &Shop, customer: &Customer, event: &Event) {
    let delete = shop.dynamodb.delete_item().table_name(shop.resource("SentEmailsTable"));
    delete.key("request_key", sent_key(customer, event)).send().await.unwrap();
}

async fn put_away(shop: &Shop, queue: &str, body: &Value) {
    let sqs = Sqs::new(&local_aws(&shop.outputs.aws_endpoint));
    sqs.send_message().queue_url(shop.resource(queue)).message_body(body.to_string()).send().await.unwrap();
}

fn letter(event: &Event) -> Value {
    let reason = "a test put it away".to_owned();
    json!(DeadLetter { order_id: Some(event.order_id.clone()), sequence: Some(event.sequence), reason })
}

fn envelope(event: &Event) -> Value {
    json!({"source": "souk.orders", "detail-type": event.fact.name(), "detail": event})
}

/// Brings an order's letters back, and says what was printed. Whoever else looks at this queue hides them for a while.
async fn redriven(queue: &str, order_id: &OrderId) -> String {
    for _ in 0..30 {
        let ran = xtask(&["redrive", queue, "--order", order_id.as_str()]).await;
        let text = printed(&ran);
        assert!(ran.status.success(), "{text}");
        if text.contains(order_id.as_str()) {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    panic!("{queue} has no letter of {order_id} for a minute");
}

/// A message as Lambda hands it over, received for the `receives`th time.
fn message(number: usize, body: &str, receives: u32) -> Value {
    json!({
        "messageId": format!("message-{number}"), "receiptHandle": "h", "body": body, "messageAttributes": {},
        "attributes": {"ApproximateReceiveCount": receives.to_string()}, "md5OfBody": "", "eventSource": "aws:sqs",
        "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
    })
}

/// What a function answers to these messages.
async fn invoked(shop: &Shop, function: &str, records: &[Value]) -> Value {
    shop.invoke(function, &json!({"Records": records})).await
}

/// As after going back to an older release: what is stored of the order is of a type that this one does not know.
#[tokio::test]
async fn an_order_that_cannot_be_read_holds_up_nothing_behind_it() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let order_id = shop.sign_in("kareem").await.order_id(&new_key());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = shop.dynamodb.put_item().table_name(shop.resource("OrderEventsTable"));
    let put = put.item("order_id", text(order_id.as_str())).item("sequence", AttributeValue::N("1".into()));
    put.item("type", text("OrderGiftWrapped")).item("at", text("2026-11-27T00:00:00Z")).send().await.unwrap();
    let known = std::fs::read_to_string(root().join("events/project-orders/order-confirmed.json")).unwrap();
    let mut known: Value = serde_json::from_str(&known).unwrap();
    for part in ["Keys", "NewImage"] {
        known["Records"][0]["dynamodb"][part]["order_id"]["S"] = json!(order_id);
    }
    assert_eq!(invoked(&shop, "ProjectOrdersFunction", known["Records"].as_array().unwrap()).await, Value::Null);
    let listed = printed(&xtask(&["redrive", "project-orders", "--order", order_id.as_str(), "--dry-run"]).await);
    assert!(listed.lines().any(|line| line.contains(order_id.as_str()) && line.contains("cannot be read")), "{listed}");
}

/// Everything else about a guard that fails sends it again.
#[tokio::test]
async fn what_is_no_guard_or_guards_no_order_is_put_away_with_its_reason() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let nobody = shop.sign_in("kareem").await.order_id(&new_key());
    let of_nobody = json!({"order_id": nobody}).to_string();
    let answer = invoked(&shop, "GuardOrderFunction", &[message(1, "no guard", 1), message(2, &of_nobody, 1)]).await;
    assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
    let listed = printed(&xtask(&["redrive", "guard", "--dry-run"]).await);
    for (of, reason) in [(nobody.as_str(), "there is no such order"), ("", "the message holds no event")] {
        let line = listed.lines().find(|line| line.contains(of) && line.contains(reason));
        let letter = line.and_then(|line| line.split_whitespace().next()).unwrap_or_else(|| panic!("{reason}: {listed}"));
        eventually("it is discarded", || async { xtask(&["redrive", "guard", "--discard", letter]).await.status.success() })
            .await;
    }
}

/// One that failed five times is put away by its consumer, which knows why; SQS would not say it.
#[tokio::test]
async fn a_message_that_fails_for_the_last_time_is_put_away_with_its_reason() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    for (function, queue) in [("SendEmailFunction", "send-email"), ("CapturePaymentFunction", "capture-payment")] {
        let nobody = kareem.order_id(&new_key());
        let event = json!({"detail": {"order_id": nobody, "sequence": 3, "at": "2026-11-27T00:00:00Z",
            "type": "OrderConfirmed", "data": {"attempt": 1}}});
        let record = |receives| message(1, &event.to_string(), receives);
        let comes_again = json!({"batchItemFailures": [{"itemIdentifier": "message-1"}]});
        assert_eq!(invoked(&shop, function, &[record(4)]).await, comes_again, "{queue}");
        assert_eq!(invoked(&shop, function, &[record(5)]).await, json!({"batchItemFailures": []}), "{queue}");
        let listed = printed(&xtask(&["redrive", queue, "--order", nobody.as_str(), "--dry-run"]).await);
        let line = listed.lines().find(|line| line.contains(nobody.as_str())).unwrap_or_else(|| panic!("{queue}: {listed}"));
        assert!(line.contains("there is no such order") || line.contains("not in its order's history"), "{queue}: {line}");
        let letter = line.split_whitespace().next().unwrap();
        eventually("it is discarded", || async { xtask(&["redrive", queue, "--discard", letter]).await.status.success() }).await;
    }
}

#[tokio::test]
async fn one_poison_message_among_ten_fails_alone() {
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let mut records = Vec::new();
    let mut events = Vec::new();
    for number in 0..10 {
        let body = if number == 6 {
            "no event".to_owned()
        } else {
            let confirmed = bought(&shop, &kareem).await;
            forget_the_mail(&shop, &kareem, &confirmed).await;
            let body = envelope(&confirmed).to_string();
            events.push(confirmed);
            body
        };
        records.push(message(number, &body, 1));
    }
    let answer = invoked(&shop, "SendEmailFunction", &records).await;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "message-6"}]}));
    for event in events {
        assert_eq!(shop.mails(event.order_id.as_str()).await.len(), 2, "this message was worked on");
    }
}

#[tokio::test]
async fn a_letter_of_a_queue_that_is_brought_back_is_worked_on() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let confirmed = bought(&shop, &amina).await;
    forget_the_mail(&shop, &amina, &confirmed).await;
    put_away(&shop, "SendEmailDeadLetters", &envelope(&confirmed)).await;

    let listed = xtask(&["redrive", "send-email", "--order", confirmed.order_id.as_str(), "--dry-run"]).await;
    assert!(listed.status.success() && printed(&listed).contains(confirmed.order_id.as_str()), "{}", printed(&listed));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(shop.mails(confirmed.order_id.as_str()).await.len(), 1, "a dry run brings nothing back");

    let text = redriven("send-email", &confirmed.order_id).await;
    assert!(text.contains("OrderConfirmed") && text.contains("back in its queue"), "{text}");
    eventually("it is worked on", || async { shop.mails(confirmed.order_id.as_str()).await.len() == 2 }).await;
}

/// Both do nothing for an order that is paid, but look at it.
#[tokio::test]
async fn a_letter_of_the_guard_or_of_a_capture_that_is_brought_back_is_worked_on() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let confirmed = bought(&shop, &amina).await;
    let order_id = &confirmed.order_id;
    shop.closed(order_id).await;
    eventually("its guard is done", || async {
        shop.details(order_id).await.is_some_and(|details| details.payment_methods.is_empty())
    })
    .await;
    let both = [
        ("guard", "GuardDeadLetters", json!(letter(&confirmed)), "guard-order/dynamodb.Query(OrderEventsTable)"),
        (
            "capture-payment",
            "CapturePaymentDeadLetters",
            envelope(&confirmed),
            "capture-payment/dynamodb.Query(OrderEventsTable)",
        ),
    ];
    for (name, dead_letters, body, look) in both {
        let before = shop.calls(order_id, look).await;
        put_away(&shop, dead_letters, &body).await;
        let text = redriven(name, order_id).await;
        assert!(text.contains("back in its queue"), "{name}: {text}");
        eventually("it is worked on", || async { shop.calls(order_id, look).await > before }).await;
    }
    assert_eq!(shop.ledger(order_id).await, ["authorize", "capture"]);
}

#[tokio::test]
async fn a_letter_of_a_stream_consumer_that_is_brought_back_is_worked_on() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let amina = shop.sign_in("amina").await;
    let confirmed = bought(&shop, &amina).await;
    let order_id = &confirmed.order_id;

    forget_the_mail(&shop, &amina, &confirmed).await;
    put_away(&shop, "PublishEventsDeadLetters", &letter(&confirmed)).await;
    let text = redriven("publish-events", order_id).await;
    assert!(text.contains("a test put it away") && text.contains("published again"), "{text}");
    eventually("it is published", || async { shop.mails(order_id.as_str()).await.len() == 2 }).await;

    let order = shop.closed(order_id).await;
    let placed_order = AttributeValue::S(format!("{:.3}#{order_id}", order.placed_at));
    let key = [("customer_id".to_owned(), AttributeValue::S(amina.id.0.clone())), ("placed_order".to_owned(), placed_order)];
    let row = || async {
        let get = shop.dynamodb.get_item().table_name(shop.resource("CustomerOrdersTable")).consistent_read(true);
        get.set_key(Some(key.clone().into())).send().await.unwrap().item
    };
    eventually("the order is in her list", || async {
        row().await.is_some_and(|row| row["sequence"].as_n() == Ok(&order.sequence.to_string()))
    })
    .await;
    let delete = shop.dynamodb.delete_item().table_name(shop.resource("CustomerOrdersTable"));
    delete.set_key(Some(key.clone().into())).send().await.unwrap();
    put_away(&shop, "ProjectOrdersDeadLetters", &letter(&confirmed)).await;
    let text = redriven("project-orders", order_id).await;
    assert!(text.contains("projected again"), "{text}");
    assert!(row().await.is_some(), "it is in her list again");
}

#[tokio::test]
async fn a_letter_that_cannot_be_brought_back_stays_until_it_is_discarded() {
    let _alone = DEAD_LETTERS.lock().await;
    let shop = Shop::running();
    let kareem = shop.sign_in("kareem").await;
    let nobody = kareem.order_id(&new_key());
    put_away(&shop, "ProjectOrdersDeadLetters", &json!({"order_id": nobody, "sequence": 3, "reason": "a test put it away"}))
        .await;
    let stays = || async {
        let ran = xtask(&["redrive", "project-orders", "--order", nobody.as_str()]).await;
        let text = printed(&ran);
        let line = text.lines().find(|line| line.contains(nobody.as_str())).map(ToOwned::to_owned)?;
        assert!(!ran.status.success(), "{text}");
        assert!(line.contains("stays: there is no such order"), "{text}");
        Some(line.split_whitespace().next().unwrap().to_owned())
    };
    eventually("it is seen", || async { stays().await.is_some() }).await;
    let letter = stays().await.expect("it stayed");
    let discarded = xtask(&["redrive", "project-orders", "--discard", &letter]).await;
    assert!(discarded.status.success(), "{}", printed(&discarded));
    assert!(stays().await.is_none(), "it is gone");
}

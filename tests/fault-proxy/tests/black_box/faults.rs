//! What can be made to go wrong.

use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::harness::{ORDER, OTHER_ORDER, Proxy, eventually, is_reset, put_event, read};

const PUT: &str = "checkout/dynamodb.PutItem(OrderEventsTable)#1";
const CREATE: &str = "a/stripe.CreatePaymentIntent#1";

#[tokio::test]
async fn a_refused_call_is_not_forwarded() {
    let proxy = Proxy::start().await;
    proxy.fault(PUT, "refuse").await;
    assert!(is_reset(&proxy.put_event(ORDER).await));
    assert!(proxy.upstream.seen().is_empty());
    let call = proxy.last_call().await;
    assert_eq!((&call["fault"], &call["status"], &call["write_units"]), (&json!("refuse"), &Value::Null, &json!(0)));
}

#[tokio::test]
async fn a_fault_strikes_that_call_of_that_order_once() {
    let proxy = Proxy::start().await;
    proxy.fault("checkout/dynamodb.PutItem(OrderEventsTable)#2", "error").await;
    assert_eq!(proxy.faults().await[0]["struck"], false);
    for _ in 0..3 {
        assert_eq!(proxy.put_event(OTHER_ORDER).await.unwrap().status, 200);
        assert_eq!(proxy.dynamodb("other-function", "PutItem", &put_event(ORDER)).await.unwrap().status, 200);
    }
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(proxy.put_event(ORDER).await.unwrap().status);
    }
    assert_eq!(statuses, [200, 500, 200]);
    let faults = proxy.faults().await;
    assert_eq!((&faults[0]["struck"], &faults[0]["error"]), (&json!(true), &Value::Null));
    proxy.control(Method::DELETE, "calls", Value::Null).await;
    for _ in 0..2 {
        assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 200, "a spent fault does not strike again");
    }
}

#[tokio::test]
async fn every_try_of_a_call_is_struck_where_that_is_asked_for_and_no_other_call() {
    let proxy = Proxy::start().await;
    let put = async |invocation_id: Option<&'static str>| {
        let request = proxy.http.post(proxy.aws()).header("X-Amz-Target", "DynamoDB_20120810.PutItem");
        let request = request.header("User-Agent", "app/checkout").body(put_event(ORDER).to_string());
        let request = match invocation_id {
            Some(id) => request.header("amz-sdk-invocation-id", id),
            None => request,
        };
        read(request).await.unwrap().status
    };
    for (every_try, expected) in [(true, [500, 500, 500, 200, 200]), (false, [500, 200, 200, 200, 200])] {
        proxy.control(Method::DELETE, "calls", Value::Null).await;
        proxy.fault_with(PUT, "error", json!({"every_try": every_try})).await;
        let mut statuses = Vec::new();
        for id in [Some("one"), Some("one"), Some("one"), Some("another"), None] {
            statuses.push(put(id).await);
        }
        assert_eq!(statuses, expected, "{every_try}");
        proxy.control(Method::DELETE, "faults", Value::Null).await;
    }
    proxy.control(Method::DELETE, "calls", Value::Null).await;
    proxy.fault_with(PUT, "error", json!({"every_try": true})).await;
    assert_eq!([put(None).await, put(None).await], [500, 200], "a provider's client marks no tries");
}

#[tokio::test]
async fn a_call_of_no_order_can_be_struck_too() {
    let proxy = Proxy::start().await;
    let fault = json!({"order_id": null, "call": "checkout/secretsmanager.GetSecretValue#1", "fault": "error"});
    assert_eq!(proxy.control(Method::PUT, "faults", fault).await.status, 200);
    let get = proxy.aws_call("checkout", "secretsmanager.GetSecretValue", &json!({"SecretId": "s"})).await.unwrap();
    assert_eq!(get.status, 500);
}

#[tokio::test]
async fn an_error_has_the_shape_of_the_service_and_is_not_forwarded() {
    let proxy = Proxy::start().await;
    proxy.fault(PUT, "error").await;
    let answer = proxy.put_event(ORDER).await.unwrap();
    assert_eq!((answer.status, &answer.headers["x-amzn-errortype"]), (500, &"InternalServerError".parse().unwrap()));
    assert_eq!(answer.json()["__type"], "com.amazonaws.dynamodb.v20120810#InternalServerError");

    proxy.fault("other/s3.PutObject#1", "error").await;
    let answer = read(proxy.http.put(format!("{}/receipts/{ORDER}.pdf", proxy.aws()))).await.unwrap();
    assert_eq!(answer.status, 500);
    assert!(answer.text.contains("<Error><Code>InternalError</Code>"), "{}", answer.text);

    proxy.fault(CREATE, "error").await;
    let answer = proxy.stripe("a", Method::POST, "payment_intents", ORDER).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (500, &json!("api_error")));

    proxy.fault("a/paypal.CreateOrder#1", "error").await;
    let answer = proxy.paypal("a", Method::POST, "v2/checkout/orders", &json!({"custom_id": ORDER})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["name"]), (500, &json!("INTERNAL_SERVER_ERROR")));

    assert!(proxy.upstream.seen().is_empty());
    let call = proxy.last_call().await;
    assert_eq!((&call["fault"], &call["status"]), (&json!("error"), &json!(500)));
}

#[tokio::test]
async fn a_throttle_has_the_shape_of_the_service_and_is_not_forwarded() {
    let proxy = Proxy::start().await;
    proxy.fault(PUT, "throttle").await;
    let answer = proxy.put_event(ORDER).await.unwrap();
    assert_eq!(
        (answer.status, &answer.headers["x-amzn-errortype"]),
        (400, &"ProvisionedThroughputExceededException".parse().unwrap())
    );

    proxy.fault("checkout/events.PutEvents#1", "throttle").await;
    let answer = proxy.aws_call("checkout", "AWSEvents.PutEvents", &json!({"Detail": ORDER})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["__type"]), (400, &json!("ThrottlingException")));

    proxy.fault(CREATE, "throttle").await;
    let answer = proxy.stripe("a", Method::POST, "payment_intents", ORDER).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (429, &json!("rate_limit")));

    proxy.fault("a/paypal.CreateOrder#1", "throttle").await;
    let answer = proxy.paypal("a", Method::POST, "v2/checkout/orders", &json!({"custom_id": ORDER})).await.unwrap();
    assert_eq!((answer.status, &answer.json()["name"]), (429, &json!("RATE_LIMIT_REACHED")));

    assert!(proxy.upstream.seen().is_empty());
}

#[tokio::test]
async fn a_throttled_transaction_is_cancelled_with_a_conflict_for_every_item() {
    let proxy = Proxy::start().await;
    proxy.fault("a/dynamodb.TransactWriteItems(InventoryTable)#1", "throttle").await;
    let put = json!({"Put": {"TableName": "s-InventoryTable-1", "Item": {"order_id": {"S": ORDER}}}});
    let answer = proxy.dynamodb("a", "TransactWriteItems", &json!({"TransactItems": [put, put, put]})).await.unwrap();
    assert_eq!((answer.status, &answer.headers["x-amzn-errortype"]), (400, &"TransactionCanceledException".parse().unwrap()));
    let body = answer.json();
    let codes: Vec<&Value> = body["CancellationReasons"].as_array().unwrap().iter().map(|reason| &reason["Code"]).collect();
    assert_eq!(codes, ["TransactionConflict"; 3]);
    assert!(proxy.upstream.seen().is_empty());
}

#[tokio::test]
async fn a_lost_answer_took_effect_is_counted_and_is_learned_from() {
    let proxy = Proxy::start().await;
    proxy.fault(CREATE, "lose_answer").await;
    proxy.upstream.will_answer(200, &json!({"id": "pi_1"}));
    assert!(is_reset(&proxy.stripe("a", Method::POST, "payment_intents", ORDER).await));
    proxy.upstream.has_seen(1).await;
    let call = proxy.last_call().await;
    assert_eq!((&call["fault"], &call["status"], &call["response_bytes"]), (&json!("lose_answer"), &Value::Null, &json!(13)));
    proxy.stripe("a", Method::GET, "payment_intents/pi_1", "").await.unwrap();
    assert_eq!(proxy.last_call().await["order_id"], ORDER);
}

#[tokio::test]
async fn a_lost_answer_was_waited_for() {
    let proxy = Proxy::start().await;
    proxy.upstream.is_slow(Duration::from_millis(200));
    proxy.fault(PUT, "lose_answer").await;
    let started = Instant::now();
    assert!(is_reset(&proxy.put_event(ORDER).await));
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(proxy.last_call().await["write_units"], 1);
}

#[tokio::test]
async fn a_delayed_call_is_forwarded_late_and_answered() {
    let proxy = Proxy::start().await;
    proxy.fault_with(PUT, "delay", json!({"delay_ms": 300})).await;
    let started = Instant::now();
    let (answer, ()) = tokio::join!(proxy.put_event(ORDER), async {
        sleep(Duration::from_millis(150)).await;
        assert!(proxy.upstream.seen().is_empty());
    });
    assert_eq!(answer.unwrap().status, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_struck_call_is_over_when_nothing_of_it_is_on_its_way() {
    let proxy = Proxy::start().await;
    let over = async |index: usize| proxy.faults().await[index]["over"] == true;
    proxy.fault_with(PUT, "delay", json!({"delay_ms": 300})).await;
    assert!(timeout(Duration::from_millis(100), proxy.put_event(ORDER)).await.is_err());
    assert_eq!((&proxy.faults().await[0]["struck"], over(0).await), (&json!(true), false), "it has not landed");
    assert!(proxy.faults().await[0]["met_at"].is_string());
    eventually("landed", async || over(0).await).await;
    assert_eq!(proxy.upstream.seen().len(), 1);

    proxy.upstream.is_slow(Duration::from_millis(300));
    proxy.fault("checkout/dynamodb.PutItem(OrderEventsTable)#2", "lose_answer").await;
    let (lost, ()) = tokio::join!(proxy.put_event(ORDER), async {
        proxy.upstream.has_seen(2).await;
        assert!(!over(1).await, "it is not answered");
    });
    assert!(is_reset(&lost) && over(1).await);

    proxy.fault("checkout/dynamodb.PutItem(OrderEventsTable)#3", "refuse").await;
    assert!(!over(2).await, "it stands");
    assert!(is_reset(&proxy.put_event(ORDER).await) && over(2).await);
}

#[tokio::test]
async fn a_delayed_call_lands_though_its_caller_has_given_up() {
    let proxy = Proxy::start().await;
    proxy.fault_with(PUT, "delay", json!({"delay_ms": 300})).await;
    assert!(timeout(Duration::from_millis(100), proxy.put_event(ORDER)).await.is_err());
    assert!(proxy.upstream.seen().is_empty());
    proxy.upstream.has_seen(1).await;
}

#[tokio::test]
async fn a_frozen_call_waits_until_it_is_thawed() {
    let proxy = Proxy::start().await;
    let name = json!({"order_id": ORDER, "call": PUT});
    proxy.fault_with(PUT, "freeze", json!({"resume": "manual"})).await;
    assert_eq!(proxy.control(Method::POST, "thaw", name.clone()).await.status, 409, "it is not held yet");
    let (answer, ()) = tokio::join!(proxy.put_event(ORDER), async {
        eventually("held", async || proxy.faults().await[0]["held"] == true).await;
        sleep(Duration::from_millis(100)).await;
        assert!(proxy.upstream.seen().is_empty());
        assert_eq!(proxy.put_event(OTHER_ORDER).await.unwrap().status, 200, "others are not held");
        assert_eq!(proxy.control(Method::POST, "thaw", name.clone()).await.status, 204);
    });
    assert_eq!(answer.unwrap().status, 200);
    proxy.upstream.has_seen(2).await;
    assert_eq!((&proxy.faults().await[0]["struck"], &proxy.faults().await[0]["held"]), (&json!(true), &json!(false)));
    assert_eq!(proxy.control(Method::POST, "thaw", name).await.status, 409);
}

#[tokio::test]
async fn a_frozen_call_lands_though_its_caller_is_gone() {
    let proxy = Proxy::start().await;
    proxy.fault(PUT, "freeze").await;
    assert!(timeout(Duration::from_millis(200), proxy.put_event(ORDER)).await.is_err());
    assert_eq!(proxy.control(Method::POST, "thaw", json!({"order_id": ORDER, "call": PUT})).await.status, 204);
    proxy.upstream.has_seen(1).await;
}

#[tokio::test]
async fn deleting_the_faults_lets_frozen_calls_go_on_and_strikes_nothing_more() {
    let proxy = Proxy::start().await;
    proxy.fault(PUT, "freeze").await;
    proxy.fault("checkout/dynamodb.PutItem(OrderEventsTable)#2", "refuse").await;
    let (answer, ()) = tokio::join!(proxy.put_event(ORDER), async {
        eventually("held", async || proxy.faults().await[0]["held"] == true).await;
        assert_eq!(proxy.control(Method::DELETE, "faults", Value::Null).await.status, 204);
    });
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 200);
    assert_eq!(proxy.faults().await, json!([]));
}

#[tokio::test]
async fn an_e_mail_that_ses_took_is_kept_with_its_order_whoever_heard_of_it() {
    let proxy = Proxy::start().await;
    let send = |subject: &str| {
        let email = json!({"Content": {"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": ORDER}}}}});
        let url = format!("{}/v2/email/outbound-emails", proxy.aws());
        proxy.http.post(url).header("User-Agent", "app/send-email").body(email.to_string())
    };
    let emails =
        async |order_id: &str| proxy.control(Method::GET, &format!("emails?order_id={order_id}"), Value::Null).await.json();
    proxy.fault("send-email/ses.SendEmail#1", "refuse").await;
    proxy.fault("send-email/ses.SendEmail#2", "lose_answer").await;
    assert!(is_reset(&read(send("never left")).await));
    assert!(is_reset(&read(send("its answer was lost")).await));
    proxy.upstream.will_answer(400, &json!({"message": "not verified"}));
    read(send("refused by SES")).await.unwrap();
    read(send("sent")).await.unwrap();
    assert_eq!(emails(ORDER).await, json!(["its answer was lost", "sent"]));
    assert_eq!(emails(OTHER_ORDER).await, json!([]));
    proxy.control(Method::DELETE, "calls", Value::Null).await;
    assert_eq!(emails(ORDER).await, json!([]));
    assert_eq!(proxy.control(Method::GET, "emails", Value::Null).await.status, 400);
}

#[tokio::test]
async fn an_orders_activity_changes_with_each_call_and_with_each_answer() {
    let proxy = Proxy::start().await;
    let activity = async || proxy.control(Method::GET, &format!("activity?order_id={ORDER}"), Value::Null).await.json();
    assert_eq!(activity().await, json!({"calls": 0, "answered": 0}));
    proxy.put_event(ORDER).await.unwrap();
    proxy.put_event(OTHER_ORDER).await.unwrap();
    assert_eq!(activity().await, json!({"calls": 1, "answered": 1}));
    proxy.fault("checkout/dynamodb.PutItem(OrderEventsTable)#2", "refuse").await;
    assert!(is_reset(&proxy.put_event(ORDER).await));
    assert_eq!(activity().await, json!({"calls": 2, "answered": 1}));
    assert_eq!(proxy.control(Method::GET, "activity", Value::Null).await.status, 400);
}

#[tokio::test]
async fn a_fault_that_is_withdrawn_strikes_nothing_and_one_that_struck_cannot_be_withdrawn() {
    let proxy = Proxy::start().await;
    proxy.fault(PUT, "error").await;
    proxy.fault("checkout/dynamodb.PutItem(OrderEventsTable)#2", "error").await;
    let withdraw = async |id: &str| proxy.control(Method::DELETE, &format!("faults/{id}"), Value::Null).await.status;
    assert_eq!(withdraw("1").await, 204);
    assert_eq!(withdraw("1").await, 409, "it is gone");
    assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 200);
    assert_eq!(proxy.put_event(ORDER).await.unwrap().status, 500, "the other stands");
    assert_eq!(withdraw("2").await, 409);
    assert_eq!(withdraw("all").await, 400);
    assert_eq!(proxy.faults().await[0]["struck"], true, "what struck is still told");
}

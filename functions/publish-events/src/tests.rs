use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_eventbridge::config::Credentials;
use axum::{Json, Router, http::HeaderMap, routing::post};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::event::Fact;

use super::*;

/// What AWS was asked, each as its operation and body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// An AWS that refuses an event for good, cannot take another just now, and takes whatever it is asked after that. The local
/// AWS takes everything.
async fn aws() -> (SdkConfig, Asked) {
    let asked = Asked::default();
    let all = asked.clone();
    let answer = async move |headers: HeaderMap, body: String| {
        let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        let is_first = all.lock().unwrap().is_empty();
        all.lock().unwrap().push((operation.clone(), serde_json::from_str(&body).unwrap()));
        Json(match operation.as_str() {
            "PutEvents" if is_first => {
                json!({"FailedEntryCount": 2, "Entries": [
                    {"EventId": "1"},
                    {"ErrorCode": "MalformedDetail", "ErrorMessage": "no JSON"},
                    {"ErrorCode": "ThrottlingException"}
                ]})
            }
            "PutEvents" => json!({"FailedEntryCount": 0, "Entries": [{"EventId": "2"}]}),
            _ => json!({"MessageId": "1"}),
        })
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await });
    let aws = aws_config::defaults(BehaviorVersion::latest()).region(Region::new("us-east-1")).endpoint_url(url);
    (aws.credentials_provider(Credentials::new("test", "test", None, None, "local")).load().await, asked)
}

#[tokio::test]
async fn what_the_bus_refuses_for_good_is_put_away_and_only_what_it_could_not_take_is_sent_again() {
    let (aws, asked) = aws().await;
    let bus = Bus { client: Client::new(&aws), name: "orders".into() };
    let publish_events = PublishEvents { bus, dead_letters: DeadLetterQueue::new(&aws, "https://sqs/dead") };
    let order_id: shared::domain::ids::OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
    let event = |sequence| Event {
        order_id: order_id.clone(),
        sequence,
        at: Timestamp::UNIX_EPOCH,
        fact: Fact::OrderConfirmed { attempt: 1 },
    };
    publish_events.publish(vec![event(1), event(2), event(3)]).await.unwrap();

    let asked = asked.lock().unwrap();
    let operations: Vec<_> = asked.iter().map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(operations, ["PutEvents", "SendMessage", "PutEvents"]);
    let letter: DeadLetter = serde_json::from_str(asked[1].1["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!((letter.order_id.as_ref(), letter.sequence), (Some(&order_id), Some(2)));
    assert_eq!(letter.reason, "the bus refused it: MalformedDetail no JSON");
    let again = asked[2].1["Entries"].as_array().unwrap();
    let again: Vec<Event> = again.iter().map(|entry| serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(again, [event(3)]);
}

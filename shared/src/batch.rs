//! A batch of queue messages: each is worked on for itself, and only those that failed come again.

use std::{
    panic::AssertUnwindSafe,
    time::{Instant, SystemTime},
};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{FutureExt, StreamExt, stream};
use serde::Deserialize;

use crate::{dead_letters::LastTry, domain::event::Event};

/// What a rule of the bus puts into a subscriber's queue.
#[derive(Deserialize)]
struct Envelope {
    detail: Event,
}

/// The order's event that a subscriber's message brings.
///
/// # Errors
/// What is wrong with the message, without its values.
pub fn event_in(message: &SqsMessage) -> Result<Event, String> {
    let body = message.body.as_deref().unwrap_or_default();
    let envelope = serde_json::from_str::<Envelope>(body).map_err(|error| format!("the message holds no event: {error}"))?;
    Ok(envelope.detail)
}

/// Hands every message to `handle`, at most `at_once` side by side; an error or a panic fails that message alone, and so
/// does a turn that comes later than in the first half of the time until the deadline, so that nobody is killed at work. One
/// that failed for the last time is put away with its reason; without a `last_try` it always comes again.
pub async fn each_message<'a, F, E>(
    batch: &'a SqsEvent,
    deadline: SystemTime,
    at_once: usize,
    last_try: Option<&LastTry>,
    handle: impl Fn(&'a SqsMessage) -> F,
) -> SqsBatchResponse
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut response = SqsBatchResponse::default();
    let last_turn = Instant::now() + deadline.duration_since(SystemTime::now()).unwrap_or_default() / 2;
    let handled = batch.records.iter().map(|message| {
        let handled = handle(message);
        let in_time = async move {
            if Instant::now() > last_turn {
                return Err("it had no turn in time: those before it took too long".to_owned());
            }
            handled.await.map_err(|error| error.to_string())
        };
        AssertUnwindSafe(in_time).catch_unwind()
    });
    let outcomes: Vec<_> = stream::iter(handled).buffered(at_once).collect().await;
    for (message, outcome) in batch.records.iter().zip(outcomes) {
        let reason = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(reason)) => reason,
            Err(_) => "the handler panicked".to_owned(),
        };
        let message_id = message.message_id.clone().unwrap_or_default();
        let order_id = event_in(message).ok().map(|event| event.order_id);
        if let Some(last_try) = last_try
            && last_try.put_away(message, &reason).await
        {
            tracing::error!(
                ?order_id,
                message_id,
                reason,
                "the message failed for the last time and is put into the dead letters"
            );
            continue;
        }
        tracing::error!(?order_id, message_id, reason, "the message comes again");
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = message_id;
        response.batch_item_failures.push(failure);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
    use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};

    use super::*;

    fn in_a_minute() -> SystemTime {
        SystemTime::now() + Duration::from_mins(1)
    }

    #[tokio::test]
    async fn who_had_no_turn_before_half_of_the_time_was_over_comes_again_and_nobody_is_killed_at_work() {
        let mut batch = SqsEvent::default();
        batch.records = vec![SqsMessage::default(); 3];
        let begun = Cell::new(0);
        let response = each_message(&batch, SystemTime::now() + Duration::from_secs(2), 1, None, |_| async {
            begun.set(begun.get() + 1);
            tokio::time::sleep(Duration::from_millis(1100)).await;
            Ok::<_, String>(())
        });
        assert_eq!((response.await.batch_item_failures.len(), begun.get()), (2, 1));
    }

    #[tokio::test]
    async fn one_failing_and_one_panicking_message_come_again_and_the_others_are_done() {
        let mut batch = SqsEvent::default();
        batch.records = (0..10)
            .map(|number| {
                let mut message = SqsMessage::default();
                message.message_id = Some(number.to_string());
                message
            })
            .collect();
        let response = each_message(&batch, in_a_minute(), 3, None, |message| async move {
            match message.message_id.as_deref() {
                Some("3") => Err("broken"),
                Some("7") => panic!("worse"),
                _ => Ok(()),
            }
        });
        let failed: Vec<_> = response.await.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["3", "7"]);
    }

    #[tokio::test]
    async fn a_message_whose_letter_cannot_be_put_comes_again() {
        let nobody = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url("http://127.0.0.1:1")
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "key", None, None, "tests")))
            .retry_config(RetryConfig::disabled())
            .build();
        let mut message = SqsMessage::default();
        message.message_id = Some("only".into());
        message.attributes.insert("ApproximateReceiveCount".into(), "5".into());
        let mut batch = SqsEvent::default();
        batch.records = vec![message];
        let last_try = LastTry::new(&nobody, "http://127.0.0.1:1/letters", 5);
        let response = each_message(&batch, in_a_minute(), 1, Some(&last_try), |_| async { Err("broken") }).await;
        let failed: Vec<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["only"], "SQS keeps it, or puts it away itself");
    }

    #[tokio::test]
    async fn so_many_are_worked_on_side_by_side_and_no_more() {
        let mut batch = SqsEvent::default();
        batch.records = vec![SqsMessage::default(); 4];
        for at_once in [1, 4] {
            let (now, most) = (Cell::new(0_usize), Cell::new(0_usize));
            let response = each_message(&batch, in_a_minute(), at_once, None, |_| async {
                now.set(now.get() + 1);
                most.set(most.get().max(now.get()));
                tokio::task::yield_now().await;
                now.set(now.get() - 1);
                Ok::<_, String>(())
            });
            assert!(response.await.batch_item_failures.is_empty());
            assert_eq!(most.get(), at_once);
        }
    }
}

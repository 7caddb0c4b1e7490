//! Sees that every order closes: while one owes something, a settlement runs for it. A guard never dies: on any failure of
//! its own it sends itself again.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::{Client, error::DisplayErrorContext};
use serde::{Deserialize, Serialize};
use shared::{
    batch::{each_message, event_in},
    config::{self, Missing},
    dead_letters::{DeadLetter, DeadLetterQueue},
    domain::ids::OrderId,
    metrics,
    repositories::{
        order_details::OrderDetailsTable,
        order_events::{AdvanceError, OrderEvents},
    },
    settlement::{self, Settlement},
};

/// As many as a batch has: none waits for another.
const BATCH: usize = 10;

/// Counts each time that a guard could not look after its order.
const FAILED: &str = "GuardFailed";

/// The queue that brings a guard back.
#[derive(Clone, Debug)]
pub struct GuardQueue {
    client: Client,
    url: String,
    delay_seconds: i32,
}

impl GuardQueue {
    /// The queue that `GUARD_QUEUE` names, to come back after `GUARD_DELAY_SECONDS`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        let delay = config::number("GUARD_DELAY_SECONDS")?;
        Ok(Self {
            client: Client::new(aws),
            url: config::text("GUARD_QUEUE")?,
            delay_seconds: i32::try_from(delay).unwrap_or(i32::MAX),
        })
    }

    async fn send(&self, guard: &Guard) -> Result<(), String> {
        let body = serde_json::to_string(guard).map_err(|error| error.to_string())?;
        let send = self.client.send_message().queue_url(&self.url).message_body(body).delay_seconds(self.delay_seconds);
        send.send().await.map_err(|error| DisplayErrorContext(&error).to_string())?;
        Ok(())
    }
}

/// A guard on its way: which order, and the execution that is to settle it, if it started one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The order.
    pub order_id: OrderId,
    /// The settlement's execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
}

/// What the guard works with.
#[derive(Debug)]
pub struct GuardOrder {
    /// The order.
    pub events: OrderEvents,
    /// Its payment tokens, which go when it is closed.
    pub details: OrderDetailsTable,
    /// What closes it.
    pub settlement: Settlement,
    /// What brings the guard back.
    pub queue: GuardQueue,
    /// Where poison goes: a message that names no order.
    pub dead_letters: DeadLetterQueue,
}

impl GuardOrder {
    /// Looks after the orders of these messages. A message comes again only if its guard could not even be sent again. Lambda
    /// counts neither as an error: each failure is counted here.
    pub async fn handle(&self, batch: SqsEvent, deadline: SystemTime) -> SqsBatchResponse {
        each_message(&batch, deadline, BATCH, None, async |message| {
            self.handle_message(message).await.inspect_err(|_| metrics::count(FAILED, &[]))
        })
        .await
    }

    async fn handle_message(&self, message: &SqsMessage) -> Result<(), String> {
        let guard = match guard_in(message) {
            Ok(guard) => guard,
            Err(reason) => {
                let letter = DeadLetter { order_id: None, sequence: None, reason };
                return self.dead_letters.put(&letter).await.map_err(|error| error.to_string());
            }
        };
        let next = match self.look_after(&guard, message.message_id.as_deref().unwrap_or_default()).await {
            Ok(None) => return Ok(()),
            Ok(Some(next)) => next,
            Err(error) => {
                tracing::error!(order_id = %guard.order_id, error, "the guard failed and comes again");
                metrics::count(FAILED, &[]);
                guard
            }
        };
        self.queue.send(&next).await
    }

    /// Answers the guard that must come again; none, when the order is closed.
    async fn look_after(&self, guard: &Guard, message_id: &str) -> Result<Option<Guard>, String> {
        let order_id = &guard.order_id;
        let order = match self.events.order(order_id).await {
            Ok(order) => order,
            // The stream is the only source of guards, so the order was there; a person must look, and nothing else can.
            Err(AdvanceError::NoSuchOrder(_)) => {
                let reason = "there is no such order".to_owned();
                let letter = DeadLetter { order_id: Some(order_id.clone()), sequence: None, reason };
                return self.dead_letters.put(&letter).await.map(|()| None).map_err(|error| error.to_string());
            }
            Err(error) => return Err(error.to_string()),
        };
        if order.is_closed() {
            self.details.erase_tokens(order_id).await.map_err(|error| error.to_string())?;
            tracing::info!(%order_id, "the order is closed");
            return Ok(None);
        }
        let execution = guard.execution.clone().unwrap_or_else(|| settlement::of_checkout(order_id));
        if self.settlement.is_running(&execution).await? {
            return Ok(Some(Guard { execution: Some(execution), ..guard.clone() }));
        }
        // The message's own id: delivered twice, it starts one execution.
        let execution = format!("{order_id}-{message_id}");
        self.settlement.start(order_id, &execution).await?;
        Ok(Some(Guard { execution: Some(execution), ..guard.clone() }))
    }
}

/// A guard that comes again, or the event that begins one.
fn guard_in(message: &SqsMessage) -> Result<Guard, String> {
    let body = message.body.as_deref().unwrap_or_default();
    serde_json::from_str::<Guard>(body)
        .or_else(|_| event_in(message).map(|event| Guard { order_id: event.order_id, execution: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(body: &str) -> Result<Guard, String> {
        let mut message = SqsMessage::default();
        message.body = Some(body.to_owned());
        guard_in(&message)
    }

    #[test]
    fn a_guard_begins_with_an_event_and_comes_again_as_itself() {
        let event = r#"{"detail":{"order_id":"ord_00000000000000000000000000000001","sequence":9,"at":"2026-11-25T10:00:00Z",
            "type":"OrderCancelled","data":{"reason":"customer_request"}}}"#;
        let first = guard(event).unwrap();
        assert_eq!(first.execution, None);
        let again = Guard { execution: Some("x".into()), ..first };
        assert_eq!(guard(&serde_json::to_string(&again).unwrap()), Ok(again));
        assert!(guard("{}").unwrap_err().contains("no event"));
    }
}

//! Publishes orders' events on the bus, from where each subscriber's queue gets what it asked for. The stream's filter
//! lets through only the types that somebody subscribes to.

use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event as StreamBatch;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use lambda_runtime::Error;
use shared::{
    config::{self, Missing},
    dead_letters::{DeadLetter, DeadLetterQueue},
    domain::event::Event,
    retry::full_jitter,
    stream::event_in,
};

/// Who these events are from, as rules match it.
pub const SOURCE: &str = "souk.orders";

/// How many entries one `PutEvents` takes.
const BATCH: usize = 10;
const TRIES: u32 = 5;

/// The event bus.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// The bus that `EVENT_BUS` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: Client) -> Result<Self, Missing> {
        Ok(Self { client, name: config::text("EVENT_BUS")? })
    }

    /// Opens the connection during init, so that the first batch finds it warm.
    pub async fn warm(&self) {
        if let Err(error) = self.client.describe_event_bus().name(&self.name).send().await {
            tracing::warn!(error = %aws_sdk_eventbridge::error::DisplayErrorContext(&error), "the bus could not be reached ahead");
        }
    }
}

/// What publishing works with.
#[derive(Debug)]
pub struct PublishEvents {
    /// Where events go.
    pub bus: Bus,
    /// Where poison goes.
    pub dead_letters: DeadLetterQueue,
}

impl PublishEvents {
    /// Publishes every event in the batch, in its order. A repeat publishes again: subscribers take each event once.
    ///
    /// # Errors
    /// What may pass: the batch comes again. What cannot pass goes into the dead letters, and the rest goes on.
    pub async fn handle(&self, batch: StreamBatch) -> Result<(), Error> {
        let mut events = Vec::new();
        for record in &batch.records {
            match event_in(record) {
                Ok(event) => events.push(event),
                Err(letter) => self.dead_letters.put(&letter).await?,
            }
        }
        for some in events.chunks(BATCH) {
            self.publish(some.to_vec()).await?;
        }
        Ok(())
    }

    /// Sends these until all are taken; only what failed is sent again.
    async fn publish(&self, mut events: Vec<Event>) -> Result<(), Error> {
        for attempt in 0..TRIES {
            let entries = events.iter().map(|event| self.entry(event)).collect::<Result<Vec<_>, _>>()?;
            let answer = self.bus.client.put_events().set_entries(Some(entries)).send().await?;
            let mut failed = Vec::new();
            for (event, result) in events.into_iter().zip(answer.entries()) {
                match result.error_code() {
                    None => {
                        tracing::info!(order_id = %event.order_id, sequence = event.sequence, event = event.fact.name(), "published")
                    }
                    Some(code) if is_poison(code) => {
                        let reason = format!("the bus refused it: {code} {}", result.error_message().unwrap_or(""));
                        let letter = DeadLetter { order_id: Some(event.order_id), sequence: Some(event.sequence), reason };
                        self.dead_letters.put(&letter).await?;
                    }
                    Some(_) => failed.push(event),
                }
            }
            if failed.is_empty() {
                return Ok(());
            }
            events = failed;
            tokio::time::sleep(full_jitter(attempt, Duration::from_millis(50), Duration::from_secs(1))).await;
        }
        Err(format!("the bus did not take {} events", events.len()).into())
    }

    fn entry(&self, event: &Event) -> Result<PutEventsRequestEntry, Error> {
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus.name)
            .source(SOURCE)
            .detail_type(event.fact.name())
            .time(aws_sdk_eventbridge::primitives::DateTime::from_secs(event.at.as_second()))
            .detail(serde_json::to_string(event)?)
            .build())
    }
}

/// Codes that a repeat would meet again.
fn is_poison(code: &str) -> bool {
    matches!(code, "MalformedDetail" | "InvalidArgument" | "ValidationException" | "EventSizeExceeded")
}

#[cfg(test)]
mod tests;

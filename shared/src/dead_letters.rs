//! A function's own dead letters. It puts them away itself, since each is to say why: a stream consumer its poison, so that
//! what is behind it still arrives; a queue consumer a message that failed for the last time.

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::SqsMessage;
use aws_sdk_sqs::{Client, error::DisplayErrorContext, types::MessageAttributeValue};
use serde::{Deserialize, Serialize};

use crate::{
    config::{self, Missing},
    domain::ids::OrderId,
};

/// An event that cannot be worked on, whoever tries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The order, if its id can be read.
    pub order_id: Option<OrderId>,
    /// The event's place in the order's history, if it can be read.
    pub sequence: Option<u32>,
    /// Why it was put away.
    pub reason: String,
}

/// The queue that takes them.
#[derive(Clone, Debug)]
pub struct DeadLetterQueue {
    client: Client,
    queue_url: String,
}

impl DeadLetterQueue {
    /// The queue whose URL stands in this environment variable.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig, variable: &str) -> Result<Self, Missing> {
        Ok(Self::new(aws, config::text(variable)?))
    }

    /// This queue.
    pub fn new(aws: &SdkConfig, queue_url: impl Into<String>) -> Self {
        Self { client: Client::new(aws), queue_url: queue_url.into() }
    }

    /// Puts a letter away. A repeat puts a second one away.
    ///
    /// # Errors
    /// What SQS said: then the record must come again.
    pub async fn put(&self, letter: &DeadLetter) -> Result<(), lambda_runtime::Error> {
        tracing::error!(order_id = ?letter.order_id, sequence = letter.sequence, reason = letter.reason, "put into the dead letters");
        let body = serde_json::to_string(letter)?;
        self.client.send_message().queue_url(&self.queue_url).message_body(body).send().await?;
        Ok(())
    }
}

/// Where a queue's message goes that failed for the last time.
#[derive(Clone, Debug)]
pub struct LastTry {
    dead_letters: DeadLetterQueue,
    max_receives: usize,
}

impl LastTry {
    /// The queue whose URL stands in this environment variable, after `MAX_RECEIVES` tries: then SQS would put the message
    /// there without a reason.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig, variable: &str) -> Result<Self, Missing> {
        let max_receives = usize::try_from(config::number("MAX_RECEIVES")?).unwrap_or(usize::MAX);
        Ok(Self::new(aws, config::text(variable)?, max_receives))
    }

    /// This queue, after so many tries.
    pub fn new(aws: &SdkConfig, queue_url: impl Into<String>, max_receives: usize) -> Self {
        Self { dead_letters: DeadLetterQueue::new(aws, queue_url), max_receives }
    }

    /// Puts the message away as it came, with the reason as its attribute, if this was its last try. `false`: it was not, or
    /// the letter could not be put, so that the message must come again, or SQS puts it away.
    pub async fn put_away(&self, message: &SqsMessage, reason: &str) -> bool {
        if receives(message) < self.max_receives {
            return false;
        }
        let reason = MessageAttributeValue::builder().data_type("String").string_value(reason).build();
        let Ok(reason) = reason else { return false };
        let DeadLetterQueue { client, queue_url } = &self.dead_letters;
        let body = message.body.clone().unwrap_or_default();
        let sent = client.send_message().queue_url(queue_url).message_body(body).message_attributes(REASON, reason).send().await;
        if let Err(error) = &sent {
            tracing::error!(error = %DisplayErrorContext(error), "the dead letter could not be put");
        }
        sent.is_ok()
    }
}

/// The attribute of a letter that says why it was put away.
const REASON: &str = "reason";

/// How often this message was received, this time among them.
fn receives(message: &SqsMessage) -> usize {
    message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_how_often_it_was_received() {
        let mut message = SqsMessage::default();
        assert_eq!(receives(&message), 0, "it may come again");
        message.attributes.insert("ApproximateReceiveCount".into(), "5".into());
        assert_eq!(receives(&message), 5);
    }
}

//! A function's own dead letters. A stream consumer puts poison there itself: what is behind it still arrives, and the
//! letter says which event it was and why, which the stream's own failure destination would not.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
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
        Ok(Self { client: Client::new(aws), queue_url: config::text(variable)? })
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

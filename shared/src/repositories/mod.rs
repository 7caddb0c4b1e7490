//! All access to tables, one repository a table. The tables' own comments in `template.yaml` say how consistent each is.

pub mod customer_orders;
pub mod idempotency_keys;
pub mod inventory;
pub mod order_details;
pub mod order_events;
pub mod products;
pub mod provider_health;
pub mod webhook_events;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    types::{AttributeValue, KeysAndAttributes},
};

use crate::retry::full_jitter;

/// How often the keys are asked for that a throttled table left over.
const MOST_READS: u32 = 8;

/// A table could not be read or written, for a reason that is not the caller's. The reason is for the log.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// AWS refused or did not answer, after the SDK's own repeats.
    #[error("{operation}: {reason}")]
    Aws {
        /// What was tried.
        operation: &'static str,
        /// What AWS said.
        reason: String,
    },
    /// What is stored cannot be read as what it should be.
    #[error("an item of {table} cannot be read: {reason}")]
    Item {
        /// Where it is.
        table: &'static str,
        /// What is wrong with it, without its values.
        reason: String,
    },
}

impl RepositoryError {
    fn aws<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug,
        SdkError<E, R>: std::error::Error,
    {
        // The code and message only: a full debug print would show the item, and with it personal data.
        let reason = match error.as_service_error() {
            Some(service) => format!("{} ({})", service.code().unwrap_or("unknown"), service.message().unwrap_or("")),
            None => DisplayErrorContext(error).to_string(),
        };
        Self::Aws { operation, reason }
    }

    fn item(table: &'static str, error: &serde_dynamo::Error) -> Self {
        // A deserialiser quotes the value that it could not read; nothing of this table may be quoted.
        let reason = if table == "OrderDetails" { "personal data, not shown".into() } else { error.to_string() };
        Self::Item { table, reason }
    }
}

/// The items of these keys, at most 100 of them. What is not there is left out; what a throttled table leaves over is asked
/// for again, a little later each time.
async fn every_item(
    client: &Client,
    table: &str,
    keys: KeysAndAttributes,
) -> Result<Vec<HashMap<String, AttributeValue>>, RepositoryError> {
    let mut pending = HashMap::from([(table.to_owned(), keys)]);
    let mut items = Vec::new();
    for attempt in 0..MOST_READS {
        let read = client.batch_get_item().set_request_items(Some(pending)).send().await;
        let read = read.map_err(|error| RepositoryError::aws("BatchGetItem", &error))?;
        items.extend(read.responses.unwrap_or_default().into_values().flatten());
        pending = read.unprocessed_keys.unwrap_or_default();
        if pending.is_empty() {
            return Ok(items);
        }
        tokio::time::sleep(full_jitter(attempt, Duration::from_millis(10), Duration::from_millis(300))).await;
    }
    Err(RepositoryError::Aws { operation: "BatchGetItem", reason: format!("some keys were left over {MOST_READS} times") })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
    use serde_json::json;

    use super::*;
    use crate::payments::canned::{Canned, Script};

    /// A table that answers with one item, `a`, and leaves another over, so many times.
    async fn throttled(times: usize) -> (Canned, Result<usize, RepositoryError>) {
        let left = json!({"Products": {"Keys": [{"sku": {"S": "b"}}]}});
        let part = json!({"Responses": {"Products": [{"sku": {"S": "a"}}]}, "UnprocessedKeys": left});
        let last = json!({"Responses": {"Products": [{"sku": {"S": "b"}}]}, "UnprocessedKeys": {}});
        let answers = std::iter::repeat_n(part, times).chain([last]).map(|body| Script::Json(200, body));
        let canned = Canned::answering(answers).await;
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url(canned.url.as_str());
        let key = HashMap::from([("sku".to_owned(), AttributeValue::S("a".into()))]);
        let keys = KeysAndAttributes::builder().keys(key).build().unwrap();
        let items = every_item(&Client::from_conf(config.build()), "Products", keys).await;
        (canned, items.map(|items| items.len()))
    }

    #[tokio::test]
    async fn keys_that_are_left_over_are_asked_for_again_but_not_for_ever() {
        let (asked, items) = throttled(2).await;
        assert_eq!((items.unwrap(), asked.asked().len()), (3, 3));
        assert!(asked.asked()[1].body.contains("\"b\""), "only what was left over");
        let (asked, items) = throttled(8).await;
        assert!(items.unwrap_err().to_string().contains("left over 8 times"));
        assert_eq!(asked.asked().len(), 8);
    }

    #[test]
    fn what_cannot_be_read_is_told_but_for_personal_data() {
        let told =
            |table| RepositoryError::item(table, &serde::de::Error::custom("invalid type: string \"1 Nile St\"")).to_string();
        assert_eq!(told("OrderDetails"), "an item of OrderDetails cannot be read: personal data, not shown");
        assert!(told("Products").contains("1 Nile St"));
    }
}

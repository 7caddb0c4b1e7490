//! `WebhookEvents`: which events were applied. A cache: an event that is applied once more changes nothing.

use std::time::Duration;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use jiff::Timestamp;

use super::RepositoryError;
use crate::{
    config::{self, Missing},
    domain::event::Provider,
};

/// How long an event is remembered.
pub const REMEMBERED: Duration = Duration::from_hours(24 * 30);

/// The repository of events that were applied.
#[derive(Clone, Debug)]
pub struct WebhookEventsTable {
    client: Client,
    table: String,
}

impl WebhookEventsTable {
    /// The table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that `WEBHOOK_EVENTS_TABLE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("WEBHOOK_EVENTS_TABLE")?))
    }

    /// Whether this event was applied. Two deliveries at once may both hear that it was not.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn was_applied(&self, provider: Provider, id: &str, now: Timestamp) -> Result<bool, RepositoryError> {
        let get = self.client.get_item().table_name(&self.table).key("event_id", key(provider, id));
        let found = get.send().await.map_err(|error| RepositoryError::aws("GetItem", &error))?;
        // DynamoDB removes what has expired within days, not at once.
        let expires_at = found.item.as_ref().and_then(|item| item.get("expires_at")?.as_n().ok()?.parse::<i64>().ok());
        Ok(expires_at.is_some_and(|expires_at| now.as_second() < expires_at))
    }

    /// Remembers that this event was applied. A repeat remembers it for longer.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn remember(&self, provider: Provider, id: &str, now: Timestamp) -> Result<(), RepositoryError> {
        let expires_at = now.as_second() + REMEMBERED.as_secs().cast_signed();
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("event_id", key(provider, id)).item("expires_at", AttributeValue::N(expires_at.to_string()));
        put.send().await.map(drop).map_err(|error| RepositoryError::aws("PutItem", &error))
    }
}

fn key(provider: Provider, id: &str) -> AttributeValue {
    AttributeValue::S(format!("{provider}#{id}"))
}

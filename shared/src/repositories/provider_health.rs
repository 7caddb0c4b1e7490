//! `ProviderHealth`: what all instances know of each provider's health, a row a provider. A row that is not there is a
//! healthy provider.

use aws_sdk_dynamodb::{Client, types::AttributeValue};

use super::RepositoryError;
use crate::{
    config::{self, Missing},
    domain::event::Provider,
    payments::breaker::Health,
};

/// The repository of the providers' health.
#[derive(Clone, Debug)]
pub struct ProviderHealthTable {
    client: Client,
    table: String,
}

impl ProviderHealthTable {
    /// The table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that `PROVIDER_HEALTH_TABLE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("PROVIDER_HEALTH_TABLE")?))
    }

    /// What is known of this provider, read strongly: what is decided on it is written back on condition.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn load(&self, provider: Provider) -> Result<Health, RepositoryError> {
        let get = self.client.get_item().table_name(&self.table).key("provider", key(provider)).consistent_read(true);
        let found = get.send().await.map_err(|error| RepositoryError::aws("GetItem", &error))?;
        let Some(item) = found.item else { return Ok(Health::default()) };
        serde_dynamo::from_item(item).map_err(|error| RepositoryError::item("ProviderHealth", &error))
    }

    /// Writes the next state, on the condition that the row is still the one that it follows on. `false`: it is not.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn replace(&self, provider: Provider, before: &Health, next: &Health) -> Result<bool, RepositoryError> {
        let item: std::collections::HashMap<String, AttributeValue> =
            serde_dynamo::to_item(next).map_err(|error| RepositoryError::item("ProviderHealth", &error))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .item("provider", key(provider))
            .condition_expression("attribute_not_exists(provider) OR version = :version")
            .expression_attribute_values(":version", AttributeValue::N(before.version().to_string()));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(RepositoryError::aws("PutItem", &error)),
        }
    }
}

fn key(provider: Provider) -> AttributeValue {
    AttributeValue::S(provider.name().to_owned())
}

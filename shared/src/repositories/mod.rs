//! All access to tables, one repository a table. The tables' own comments in `template.yaml` say how consistent each is.

pub mod customer_orders;
pub mod idempotency_keys;
pub mod inventory;
pub mod order_details;
pub mod order_events;
pub mod products;
pub mod provider_health;
pub mod webhook_events;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_but_for_personal_data() {
        let told =
            |table| RepositoryError::item(table, &serde::de::Error::custom("invalid type: string \"1 Nile St\"")).to_string();
        assert_eq!(told("OrderDetails"), "an item of OrderDetails cannot be read: personal data, not shown");
        assert!(told("Products").contains("1 Nile St"));
    }
}

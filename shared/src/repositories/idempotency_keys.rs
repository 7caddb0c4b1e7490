//! `IdempotencyKeys`: who works on a request, and the answer it got. A cache: an order's own first event suffices for
//! promise 1, so nothing is lost when a row expires.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::RepositoryError;
use crate::{
    config::{self, Missing},
    domain::ids::CustomerId,
};

/// How long a checkout's answer is kept for repeats.
pub const KEPT: Duration = Duration::from_hours(24);

/// An answer as it is kept: a repeat gets the same status and body, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body as it was sent.
    pub body: String,
    /// The headers that belong to it.
    pub headers: Vec<(String, String)>,
}

/// Whose a request is: what its key is unique within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey(String);

impl RequestKey {
    /// The key that this customer sent with this route.
    pub fn new(customer: &CustomerId, route: &str, key: &str) -> Self {
        Self(format!("{customer}#{route}#{key}"))
    }
}

/// The right to work on a request, until it runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    key: RequestKey,
    id: String,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextAction {
    /// It is ours: do it. A dead owner may have begun, so look first.
    Start(Lease),
    /// It was answered: answer the same.
    Replay(SavedAnswer),
    /// Somebody is at it; the time until its lease runs out.
    InProgress(Duration),
    /// The key was used for another request.
    Mismatch,
}

#[derive(Serialize, Deserialize)]
struct Row {
    request_key: String,
    fingerprint: String,
    lease_id: String,
    /// Unix milliseconds.
    lease_until: i64,
    /// Unix seconds; the table's TTL attribute.
    expires_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<SavedAnswer>,
}

/// The repository of idempotency keys.
#[derive(Clone, Debug)]
pub struct IdempotencyKeysTable {
    client: Client,
    table: String,
    lease: Duration,
    kept: Duration,
}

impl IdempotencyKeysTable {
    /// The table with this name, how long a lease lasts (longer than its owner can live), and how long an answer is kept.
    pub fn new(client: Client, table: impl Into<String>, lease: Duration, kept: Duration) -> Self {
        Self { client, table: table.into(), lease, kept }
    }

    /// The table that `IDEMPOTENCY_KEYS_TABLE` names, with leases of `IDEMPOTENCY_LEASE_MS`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("IDEMPOTENCY_KEYS_TABLE")?, config::millis("IDEMPOTENCY_LEASE_MS")?, KEPT))
    }

    /// Claims the key with one conditional put. A row that has expired, or whose owner's lease ran out without an
    /// answer to the same request, is taken over.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn claim(&self, key: RequestKey, fingerprint: &str, now: Timestamp) -> Result<NextAction, RepositoryError> {
        let lease = Lease { key, id: Uuid::new_v4().to_string() };
        let row = Row {
            request_key: lease.key.0.clone(),
            fingerprint: fingerprint.to_owned(),
            lease_id: lease.id.clone(),
            lease_until: now.as_millisecond() + i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX / 2),
            expires_at: now.as_second() + self.kept.as_secs().cast_signed(),
            answer: None,
        };
        let item = serde_dynamo::to_item(row).map_err(|error| RepositoryError::item("IdempotencyKeys", &error))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(
                "attribute_not_exists(request_key) OR expires_at <= :now_seconds \
                 OR (attribute_not_exists(answer) AND lease_until <= :now_millis AND fingerprint = :fingerprint)",
            )
            .expression_attribute_values(":now_seconds", AttributeValue::N(now.as_second().to_string()))
            .expression_attribute_values(":now_millis", AttributeValue::N(now.as_millisecond().to_string()))
            .expression_attribute_values(":fingerprint", AttributeValue::S(fingerprint.to_owned()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(NextAction::Start(lease)) };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(RepositoryError::aws("PutItem", &error));
        };
        let standing = failed.item.clone().unwrap_or_default();
        let row: Row = serde_dynamo::from_item(standing).map_err(|error| RepositoryError::item("IdempotencyKeys", &error))?;
        // Our own put may have landed with its answer lost, and the SDK sent it again.
        if row.lease_id == lease.id {
            return Ok(NextAction::Start(lease));
        }
        let left = u64::try_from(row.lease_until - now.as_millisecond()).unwrap_or(0);
        Ok(match row.answer {
            _ if row.fingerprint != fingerprint => NextAction::Mismatch,
            Some(answer) => NextAction::Replay(answer),
            None => NextAction::InProgress(Duration::from_millis(left)),
        })
    }

    /// Keeps the answer for repeats, if the lease is still ours. `false`: another took the request over.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn save(&self, lease: &Lease, answer: &SavedAnswer) -> Result<bool, RepositoryError> {
        let answer: AttributeValue =
            serde_dynamo::to_attribute_value(answer).map_err(|error| RepositoryError::item("IdempotencyKeys", &error))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("request_key", AttributeValue::S(lease.key.0.clone()))
            .update_expression("SET answer = :answer")
            .condition_expression("lease_id = :lease")
            .expression_attribute_values(":answer", answer)
            .expression_attribute_values(":lease", AttributeValue::S(lease.id.clone()));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(RepositoryError::aws("UpdateItem", &error)),
        }
    }

    /// Gives the key free, if the lease is still ours: no order was written, so a repeat is judged afresh.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn release(&self, lease: &Lease) -> Result<(), RepositoryError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("request_key", AttributeValue::S(lease.key.0.clone()))
            .condition_expression("lease_id = :lease")
            .expression_attribute_values(":lease", AttributeValue::S(lease.id.clone()));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(RepositoryError::aws("DeleteItem", &error)),
        }
    }
}

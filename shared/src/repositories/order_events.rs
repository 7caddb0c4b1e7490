//! `OrderEvents`: append-only, the only truth about an order. The conditional put of the next sequence is the one wall
//! that every race meets.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, Put, TransactWriteItem},
};
use jiff::Timestamp;

use super::RepositoryError;
use crate::{
    config::{self, Missing},
    domain::{
        event::{Event, Fact},
        ids::{CustomerId, OrderId},
        order::{Decision, InvalidHistory, Order, Refusal},
    },
    retry::full_jitter,
};

/// What a repository of order events answers when it cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// There is no such order.
    #[error("there is no order {0}")]
    NoSuchOrder(OrderId),
    /// The order's history forbids it.
    #[error("{0}")]
    NotAllowed(#[from] Refusal),
    /// An item written together with the event did not meet its own condition; nothing was written.
    #[error("a condition of an item written together with the event failed")]
    Refused(Vec<CancellationReason>),
    /// Others were always faster.
    #[error("too many others were writing to the same items")]
    Contention,
    /// The stored events are not a history.
    #[error("the order's events are invalid: {0}")]
    Invalid(InvalidHistory),
    /// The table could not be reached.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// An event is put only where none stands.
const WALL: &str = "attribute_not_exists(order_id)";

/// How often a lost race is run again before it counts as contention.
const MAX_TRIES: u32 = 12;

/// The repository of order events.
#[derive(Clone, Debug)]
pub struct OrderEvents {
    client: Client,
    table: String,
}

/// What came of a try to write.
enum Written {
    Yes,
    /// Somebody else wrote this sequence, or is writing to the same items.
    Lost,
}

impl OrderEvents {
    /// The table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that `ORDER_EVENTS_TABLE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("ORDER_EVENTS_TABLE")?))
    }

    /// Opens the connection during init, so that the first request finds it warm.
    pub async fn warm(&self) {
        let nobody = OrderId::for_request(&CustomerId("nobody".into()), "warm");
        if let Err(error) = self.load(&nobody).await {
            tracing::warn!(%error, "the order events could not be reached ahead");
        }
    }

    /// An order's events, oldest first; none, when there is no such order. Strongly consistent.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn load(&self, order_id: &OrderId) -> Result<Vec<Event>, RepositoryError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("order_id = :id")
            .expression_attribute_values(":id", AttributeValue::S(order_id.to_string()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let items: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|error| RepositoryError::aws("Query", &error))?;
        serde_dynamo::from_items(items).map_err(|error| RepositoryError::item("OrderEvents", &error))
    }

    /// The order as its events make it.
    ///
    /// # Errors
    /// [`AdvanceError::NoSuchOrder`], [`AdvanceError::Invalid`] or [`AdvanceError::Repository`].
    pub async fn order(&self, order_id: &OrderId) -> Result<Order, AdvanceError> {
        let events = self.load(order_id).await?;
        Order::from_events(&events).map_err(|invalid| match invalid {
            InvalidHistory::Empty => AdvanceError::NoSuchOrder(order_id.clone()),
            other => AdvanceError::Invalid(other),
        })
    }

    /// Loads the order, decides, and appends what was decided; from the beginning again when somebody was faster.
    /// Answers the order as it then is. A repeat finds its own event there and appends nothing.
    ///
    /// # Errors
    /// [`AdvanceError`].
    pub async fn advance(&self, order_id: &OrderId, decide: impl Fn(&Order) -> Decision) -> Result<Order, AdvanceError> {
        self.advance_with(order_id, decide, |_| Ok(Vec::new())).await
    }

    /// As [`advance`](Self::advance), and whether this very call appended the event; `false` where that is not certain.
    ///
    /// # Errors
    /// [`AdvanceError`].
    pub async fn advance_first(
        &self,
        order_id: &OrderId,
        decide: impl Fn(&Order) -> Decision,
    ) -> Result<(Order, bool), AdvanceError> {
        self.append(order_id, decide, |_| Ok(Vec::new())).await
    }

    /// As [`advance`](Self::advance), with other items written in the same transaction: all or nothing.
    ///
    /// # Errors
    /// [`AdvanceError`]; [`AdvanceError::Refused`] when one of those items failed its own condition, and only if the
    /// event itself could have been written. Its reasons stand in the items' order.
    pub async fn advance_with(
        &self,
        order_id: &OrderId,
        decide: impl Fn(&Order) -> Decision,
        together_with: impl Fn(&Order) -> Result<Vec<TransactWriteItem>, RepositoryError>,
    ) -> Result<Order, AdvanceError> {
        self.append(order_id, decide, together_with).await.map(|(order, _)| order)
    }

    async fn append(
        &self,
        order_id: &OrderId,
        decide: impl Fn(&Order) -> Decision,
        together_with: impl Fn(&Order) -> Result<Vec<TransactWriteItem>, RepositoryError>,
    ) -> Result<(Order, bool), AdvanceError> {
        for attempt in 0..MAX_TRIES {
            let mut order = self.order(order_id).await?;
            let fact = match decide(&order) {
                Decision::Append(fact) => fact,
                Decision::AlreadyDone => return Ok((order, false)),
                Decision::NotAllowed(refusal) => return Err(refusal.into()),
            };
            let event = order.next_event(fact, Timestamp::now());
            match self.write(&event, together_with(&order)?).await? {
                Written::Yes => {
                    order.evolve(&event).map_err(AdvanceError::Invalid)?;
                    tracing::info!(%order_id, sequence = event.sequence, event = event.fact.name(), "appended");
                    return Ok((order, true));
                }
                Written::Lost => {
                    tokio::time::sleep(full_jitter(attempt, Duration::from_millis(10), Duration::from_millis(300))).await;
                }
            }
        }
        Err(AdvanceError::Contention)
    }

    /// Writes an order's first event together with other items. `false`: the order is there already, nothing was written.
    ///
    /// # Errors
    /// [`AdvanceError`].
    pub async fn place(&self, event: &Event, together_with: Vec<TransactWriteItem>) -> Result<bool, AdvanceError> {
        debug_assert!(matches!(event.fact, Fact::OrderPlaced(_)) && event.sequence == 1);
        for attempt in 0..MAX_TRIES {
            if let Written::Yes = self.write(event, together_with.clone()).await? {
                tracing::info!(order_id = %event.order_id, sequence = 1, event = event.fact.name(), "appended");
                return Ok(true);
            }
            if !self.load(&event.order_id).await?.is_empty() {
                return Ok(false);
            }
            tokio::time::sleep(full_jitter(attempt, Duration::from_millis(10), Duration::from_millis(300))).await;
        }
        Err(AdvanceError::Contention)
    }

    async fn write(&self, event: &Event, together_with: Vec<TransactWriteItem>) -> Result<Written, AdvanceError> {
        let item = serde_dynamo::to_item(event).map_err(|error| RepositoryError::item("OrderEvents", &error))?;
        if together_with.is_empty() { self.put(item).await } else { self.transact(item, together_with).await }
    }

    async fn put(&self, item: HashMap<String, AttributeValue>) -> Result<Written, AdvanceError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).condition_expression(WALL);
        let Err(error) = put.send().await else { return Ok(Written::Yes) };
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some("ConditionalCheckFailedException" | "TransactionConflictException") => Ok(Written::Lost),
            _ => Err(RepositoryError::aws("PutItem", &error).into()),
        }
    }

    async fn transact(
        &self,
        item: HashMap<String, AttributeValue>,
        together_with: Vec<TransactWriteItem>,
    ) -> Result<Written, AdvanceError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).condition_expression(WALL).build();
        let put = put.map_err(|error| RepositoryError::Aws { operation: "TransactWriteItems", reason: error.to_string() })?;
        let items = std::iter::once(TransactWriteItem::builder().put(put).build()).chain(together_with).collect();
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(items)).send().await else {
            return Ok(Written::Yes);
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                read_reasons(cancelled.cancellation_reasons())
                    .unwrap_or_else(|| Err(RepositoryError::aws("TransactWriteItems", &error).into()))
            }
            _ => Err(RepositoryError::aws("TransactWriteItems", &error).into()),
        }
    }
}

/// What a cancelled transaction means; [`None`], when its reasons are not ours to judge. The event's own condition is
/// asked first: that it failed may mean that our own write landed and its answer was lost, so nothing else may be believed.
fn read_reasons(reasons: &[CancellationReason]) -> Option<Result<Written, AdvanceError>> {
    let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
    let (event, others) = reasons.split_first()?;
    let codes: Vec<_> = reasons.iter().map(code).collect();
    if code(event) == "ConditionalCheckFailed" || codes.iter().any(|code| code == "TransactionConflict") {
        return Some(Ok(Written::Lost));
    }
    let only_refused = codes.iter().all(|code| code == "None" || code == "ConditionalCheckFailed");
    only_refused.then(|| Err(AdvanceError::Refused(others.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
    }

    #[test]
    fn the_events_own_condition_is_believed_before_any_shortage() {
        let lost = read_reasons(&reasons(&["ConditionalCheckFailed", "ConditionalCheckFailed"]));
        assert!(matches!(lost, Some(Ok(Written::Lost))), "our own write may have landed");
    }

    #[test]
    fn a_conflict_is_run_again_even_beside_a_shortage() {
        let lost = read_reasons(&reasons(&["None", "ConditionalCheckFailed", "TransactionConflict"]));
        assert!(matches!(lost, Some(Ok(Written::Lost))));
    }

    #[test]
    fn a_shortage_alone_is_a_refusal_with_its_reasons_in_order() {
        let refused = read_reasons(&reasons(&["None", "None", "ConditionalCheckFailed"]));
        let Some(Err(AdvanceError::Refused(reasons))) = refused else { panic!("not refused") };
        assert_eq!(reasons.len(), 2);
        assert_eq!(reasons[1].code(), Some("ConditionalCheckFailed"));
    }

    #[test]
    fn throttling_is_no_shortage() {
        assert!(read_reasons(&reasons(&["None", "ThrottlingError"])).is_none());
        assert!(read_reasons(&[]).is_none());
    }
}

//! `CustomerOrders`: the view behind a customer's list, rebuilt from the events at will. Eventual, about a second.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    RepositoryError,
    products::{Page, text_key},
};
use crate::{
    config::{self, Missing},
    domain::{
        event::Line,
        ids::{CustomerId, OrderId},
        money::Money,
        order::{Order, Status},
    },
};

/// An order's row in its customer's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Whose list.
    pub customer_id: CustomerId,
    /// `placed_at#order_id`: the list is in the order of placing, to the millisecond.
    pub placed_order: String,
    /// The order.
    pub order_id: OrderId,
    /// The last event that the row knows of.
    pub sequence: u32,
    /// As of that event.
    pub status: Status,
    /// What she bought.
    pub items: Vec<Line>,
    /// What it costs.
    pub total: Money,
    /// When she placed it.
    pub placed_at: Timestamp,
    /// No money of it is still to be moved or freed, as of that event.
    pub settled: bool,
}

impl OrderRow {
    /// The row of this order as it is now.
    pub fn of(order: &Order) -> Self {
        // Always with milliseconds: text of one length sorts by time.
        let placed_order = format!("{:.3}#{}", order.placed_at, order.id);
        Self {
            customer_id: order.placed.customer_id.clone(),
            placed_order,
            order_id: order.id.clone(),
            sequence: order.sequence,
            status: order.status(),
            items: order.placed.items.clone(),
            total: order.placed.total,
            placed_at: order.placed_at,
            settled: order.is_settled(),
        }
    }
}

/// The repository of the view.
#[derive(Clone, Debug)]
pub struct CustomerOrdersTable {
    client: Client,
    table: String,
}

impl CustomerOrdersTable {
    /// The table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that `CUSTOMER_ORDERS_TABLE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("CUSTOMER_ORDERS_TABLE")?))
    }

    /// Puts the row, unless a later one stands there. `false`: one did, and nothing was written.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn put_if_later(&self, row: &OrderRow) -> Result<bool, RepositoryError> {
        let item = serde_dynamo::to_item(row).map_err(|error| RepositoryError::item("CustomerOrders", &error))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#sequence) OR #sequence < :sequence")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":sequence", AttributeValue::N(row.sequence.to_string()));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(RepositoryError::aws("PutItem", &error)),
        }
    }

    /// A customer's orders, newest first, at most `limit`, beginning after `after` (a row's `placed_order`).
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn page(&self, customer: &CustomerId, limit: i32, after: Option<&str>) -> Result<Page<OrderRow>, RepositoryError> {
        let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
        let start = after.map(|after| [key("customer_id", &customer.0), key("placed_order", after)].into());
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("customer_id = :customer")
            .expression_attribute_values(":customer", AttributeValue::S(customer.0.clone()))
            .scan_index_forward(false)
            .limit(limit)
            .set_exclusive_start_key(start);
        let page = query.send().await.map_err(|error| RepositoryError::aws("Query", &error))?;
        let items = serde_dynamo::from_items(page.items.unwrap_or_default());
        let items = items.map_err(|error| RepositoryError::item("CustomerOrders", &error))?;
        Ok(Page { items, next: page.last_evaluated_key.map(text_key) })
    }

    /// The orders that were placed since `recent`, and those since `unsettled` whose money is not settled, by a scan of the
    /// view: for the reconciliation only.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn recent_or_unsettled(&self, recent: Timestamp, unsettled: Timestamp) -> Result<Vec<OrderId>, RepositoryError> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("placed_order >= :recent OR (placed_order >= :unsettled AND settled = :settled)")
            .projection_expression("order_id")
            .expression_attribute_values(":recent", AttributeValue::S(format!("{recent:.3}")))
            .expression_attribute_values(":unsettled", AttributeValue::S(format!("{unsettled:.3}")))
            .expression_attribute_values(":settled", AttributeValue::Bool(false));
        let items: Vec<_> = scan
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|error| RepositoryError::aws("Scan", &error))?;
        let rows: Vec<OrderIdRow> =
            serde_dynamo::from_items(items).map_err(|error| RepositoryError::item("CustomerOrders", &error))?;
        Ok(rows.into_iter().map(|row| row.order_id).collect())
    }
}

#[derive(Deserialize)]
struct OrderIdRow {
    order_id: OrderId,
}

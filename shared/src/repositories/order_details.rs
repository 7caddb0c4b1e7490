//! `OrderDetails`: an order's personal data and payment tokens. Written once, with the order's first event.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put, TransactWriteItem},
};

use super::RepositoryError;
use crate::{
    config::{self, Missing},
    domain::{ids::OrderId, personal::OrderDetails},
};

/// The repository of order details.
#[derive(Clone, Debug)]
pub struct OrderDetailsTable {
    client: Client,
    table: String,
}

impl OrderDetailsTable {
    /// The table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that `ORDER_DETAILS_TABLE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("ORDER_DETAILS_TABLE")?))
    }

    /// An order's details, unless they were erased. Strongly consistent.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn load(&self, order_id: &OrderId) -> Result<Option<OrderDetails>, RepositoryError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("order_id", AttributeValue::S(order_id.to_string()))
            .consistent_read(true)
            .send();
        let item = read.await.map_err(|error| RepositoryError::aws("GetItem", &error))?.item;
        item.map(serde_dynamo::from_item).transpose().map_err(|error| RepositoryError::item("OrderDetails", &error))
    }

    /// The first and only write of these details, to stand in one transaction with the order's first event.
    ///
    /// # Errors
    /// [`RepositoryError::Item`].
    pub fn first_write(&self, details: &OrderDetails) -> Result<TransactWriteItem, RepositoryError> {
        let item = serde_dynamo::to_item(details).map_err(|error| RepositoryError::item("OrderDetails", &error))?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(order_id)")
            .build();
        let put = put.map_err(|error| RepositoryError::Aws { operation: "TransactWriteItems", reason: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

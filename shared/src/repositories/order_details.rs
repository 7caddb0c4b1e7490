//! `OrderDetails`: an order's personal data and payment tokens. Written once, with the order's first event; the tokens go
//! when the order is closed.

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

    /// Removes the payment tokens: the order is closed, and nothing will be charged for it any more. A repeat, or an
    /// order without details, changes nothing.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn erase_tokens(&self, order_id: &OrderId) -> Result<(), RepositoryError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("order_id", AttributeValue::S(order_id.to_string()))
            .update_expression("SET payment_methods = :none")
            .condition_expression("attribute_exists(order_id)")
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(RepositoryError::aws("UpdateItem", &error)),
        }
    }

    /// The first write of these details, to stand in one transaction with the order's first event.
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

//! `Inventory`: how much of each SKU was stocked and how much is available. Only the reserving and the releasing
//! transaction change `available`, each together with the order's event: available + held = stocked.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, CancellationReason, KeysAndAttributes, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};
use serde::{Deserialize, Serialize};

use super::{RepositoryError, every_item};
use crate::{
    config::{self, Missing},
    domain::{event::Shortage, ids::Sku},
};

/// A SKU's stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// What.
    pub sku: Sku,
    /// How many ever came in.
    pub stocked: u32,
    /// How many nobody holds.
    pub available: u32,
}

/// The repository of stock.
#[derive(Clone, Debug)]
pub struct InventoryTable {
    client: Client,
    table: String,
}

impl InventoryTable {
    /// The table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that `INVENTORY_TABLE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("INVENTORY_TABLE")?))
    }

    /// Takes each quantity if all of it is there: one conditional update a SKU, for one transaction.
    ///
    /// # Errors
    /// [`RepositoryError::Aws`].
    pub fn take(&self, quantities: &BTreeMap<&Sku, u32>) -> Result<Vec<TransactWriteItem>, RepositoryError> {
        let change = |sku: &Sku, quantity| {
            self.update(sku, quantity)
                .update_expression("SET available = available - :quantity")
                .condition_expression("available >= :quantity")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        };
        quantities.iter().map(|(sku, quantity)| built(change(sku, *quantity))).collect()
    }

    /// Gives each quantity back.
    ///
    /// # Errors
    /// [`RepositoryError::Aws`].
    pub fn give_back(&self, quantities: &BTreeMap<&Sku, u32>) -> Result<Vec<TransactWriteItem>, RepositoryError> {
        let change = |sku: &Sku, quantity| {
            self.update(sku, quantity)
                .update_expression("SET available = available + :quantity")
                .condition_expression("attribute_exists(sku)")
        };
        quantities.iter().map(|(sku, quantity)| built(change(sku, *quantity))).collect()
    }

    fn update(&self, sku: &Sku, quantity: u32) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("sku", AttributeValue::S(sku.to_string()))
            .expression_attribute_values(":quantity", AttributeValue::N(quantity.to_string()))
    }

    /// What is available of each of these SKUs, at most 100 of them; a SKU without stock is left out. Strongly consistent.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn available(&self, skus: &[&Sku]) -> Result<BTreeMap<Sku, u32>, RepositoryError> {
        let keys = skus.iter().map(|sku| [("sku".to_owned(), AttributeValue::S(sku.to_string()))].into());
        let Ok(keys) = KeysAndAttributes::builder().set_keys(Some(keys.collect())).consistent_read(true).build() else {
            return Ok(BTreeMap::new());
        };
        let items = every_item(&self.client, &self.table, keys).await?;
        let levels: Vec<StockLevel> =
            serde_dynamo::from_items(items).map_err(|error| RepositoryError::item("Inventory", &error))?;
        Ok(levels.into_iter().map(|level| (level.sku, level.available)).collect())
    }

    /// A SKU's stock. Strongly consistent.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn level(&self, sku: &Sku) -> Result<Option<StockLevel>, RepositoryError> {
        let key = AttributeValue::S(sku.to_string());
        let read = self.client.get_item().table_name(&self.table).key("sku", key).consistent_read(true).send().await;
        let item = read.map_err(|error| RepositoryError::aws("GetItem", &error))?.item;
        item.map(serde_dynamo::from_item).transpose().map_err(|error| RepositoryError::item("Inventory", &error))
    }

    /// Stocks a SKU for the first time; one that is there is left as it is.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn stock_first(&self, sku: &Sku, quantity: u32) -> Result<(), RepositoryError> {
        let level = StockLevel { sku: sku.clone(), stocked: quantity, available: quantity };
        let item = serde_dynamo::to_item(level).map_err(|error| RepositoryError::item("Inventory", &error))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(sku)").send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(RepositoryError::aws("PutItem", &error)),
        }
    }
}

fn built(update: aws_sdk_dynamodb::types::builders::UpdateBuilder) -> Result<TransactWriteItem, RepositoryError> {
    let update = update.build();
    let update = update.map_err(|error| RepositoryError::Aws { operation: "TransactWriteItems", reason: error.to_string() })?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// What fell short, from the reasons that [`InventoryTable::take`]'s updates were refused with, in their order. A SKU
/// that was never stocked has none available.
pub fn shortages(quantities: &BTreeMap<&Sku, u32>, reasons: &[CancellationReason]) -> Vec<Shortage> {
    let refused = quantities.iter().zip(reasons).filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
    refused
        .map(|((sku, requested), reason)| {
            let available = reason.item().and_then(|item| item.get("available")).and_then(|value| value.as_n().ok());
            let available = available.and_then(|number| number.parse().ok()).unwrap_or(0);
            Shortage { sku: (*sku).clone(), requested: *requested, available }
        })
        .collect()
}

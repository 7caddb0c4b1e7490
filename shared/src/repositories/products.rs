//! `Products`: the catalogue. Eventually consistent: a product changes seldom, and checkout compares the price.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};

use super::{RepositoryError, every_item};
use crate::{
    config::{self, Missing},
    domain::{ids::Sku, product::Product},
};

/// The repository of products.
#[derive(Clone, Debug)]
pub struct ProductsTable {
    client: Client,
    table: String,
}

/// A page of a list, and where the next begins.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The key after which the next page begins; none on the last.
    pub next: Option<BTreeMap<String, String>>,
}

impl ProductsTable {
    /// The table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that `PRODUCTS_TABLE` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(client: &Client) -> Result<Self, Missing> {
        Ok(Self::new(client.clone(), config::text("PRODUCTS_TABLE")?))
    }

    /// Opens the connection during init, so that the first request finds it warm.
    pub async fn warm(&self) {
        if let Err(error) = self.page(None, 1, None).await {
            tracing::warn!(%error, "the products could not be reached ahead");
        }
    }

    /// One product.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn get(&self, sku: &Sku) -> Result<Option<Product>, RepositoryError> {
        let key = AttributeValue::S(sku.to_string());
        let read = self.client.get_item().table_name(&self.table).key("sku", key).send().await;
        let item = read.map_err(|error| RepositoryError::aws("GetItem", &error))?.item;
        item.map(serde_dynamo::from_item).transpose().map_err(|error| RepositoryError::item("Products", &error))
    }

    /// These products, at most 100; what is not in the catalogue is left out.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn get_all(&self, skus: &[&Sku]) -> Result<BTreeMap<Sku, Product>, RepositoryError> {
        let keys = skus.iter().map(|sku| [("sku".to_owned(), AttributeValue::S(sku.to_string()))].into());
        let Ok(keys) = KeysAndAttributes::builder().set_keys(Some(keys.collect())).build() else {
            return Ok(BTreeMap::new());
        };
        let items = every_item(&self.client, &self.table, keys).await?;
        let products: Vec<Product> =
            serde_dynamo::from_items(items).map_err(|error| RepositoryError::item("Products", &error))?;
        Ok(products.into_iter().map(|product| (product.sku.clone(), product)).collect())
    }

    /// The next products after `after`, of one category or of all, at most `limit`.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn page(
        &self,
        category: Option<&str>,
        limit: i32,
        after: Option<&BTreeMap<String, String>>,
    ) -> Result<Page<Product>, RepositoryError> {
        let start = after.map(|key| key.iter().map(|(name, value)| (name.clone(), AttributeValue::S(value.clone()))).collect());
        let (items, last) = match category {
            Some(category) => {
                let query = self
                    .client
                    .query()
                    .table_name(&self.table)
                    .index_name("category")
                    .key_condition_expression("category = :category")
                    .expression_attribute_values(":category", AttributeValue::S(category.into()))
                    .limit(limit)
                    .set_exclusive_start_key(start);
                let page = query.send().await.map_err(|error| RepositoryError::aws("Query", &error))?;
                (page.items, page.last_evaluated_key)
            }
            None => {
                let scan = self.client.scan().table_name(&self.table).limit(limit).set_exclusive_start_key(start);
                let page = scan.send().await.map_err(|error| RepositoryError::aws("Scan", &error))?;
                (page.items, page.last_evaluated_key)
            }
        };
        let items = serde_dynamo::from_items(items.unwrap_or_default());
        Ok(Page { items: items.map_err(|error| RepositoryError::item("Products", &error))?, next: last.map(text_key) })
    }

    /// Puts a product, whether it is new or changed.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub async fn put(&self, product: &Product) -> Result<(), RepositoryError> {
        let item = serde_dynamo::to_item(product).map_err(|error| RepositoryError::item("Products", &error))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| RepositoryError::aws("PutItem", &error))
    }
}

/// A last evaluated key whose attributes are all text, as in every table that is listed in pages.
pub(super) fn text_key(key: HashMap<String, AttributeValue>) -> BTreeMap<String, String> {
    key.into_iter().filter_map(|(name, value)| Some((name, value.as_s().ok()?.clone()))).collect()
}

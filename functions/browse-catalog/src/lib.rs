//! `GET /v1/products`, `GET /v1/products/{sku}` and `GET /v1/health`: the catalogue, with what is available.

use std::collections::BTreeMap;

use lambda_http::{Request, RequestExt};
use serde::Serialize;
use serde_json::json;
use shared::{
    domain::{ids::Sku, product::Product},
    http::{Answer, FieldError, Problem, cursor, json_answer, limit, route, start_of_page, wrong_cursor},
    repositories::{RepositoryError, inventory::InventoryTable, products::ProductsTable},
};

/// What browsing works with.
#[derive(Debug)]
pub struct BrowseCatalog {
    /// What there is.
    pub products: ProductsTable,
    /// How much of it.
    pub inventory: InventoryTable,
}

#[derive(Serialize)]
struct Shown<'p> {
    #[serde(flatten)]
    product: &'p Product,
    available: u32,
}

impl BrowseCatalog {
    /// Answers the three routes.
    ///
    /// # Errors
    /// A [`Problem`].
    pub async fn handle(&self, request: Request) -> Result<Answer, Problem> {
        match route(&request).as_str() {
            "GET /v1/health" => self.health().await,
            "GET /v1/products" => self.list(&request).await,
            "GET /v1/products/{sku}" => self.one(&request).await,
            _ => Err(Problem::method_not_allowed("GET")),
        }
    }

    /// Whether the catalogue's table answers.
    async fn health(&self) -> Result<Answer, Problem> {
        self.products.page(None, 1, None).await.map_err(unavailable)?;
        Ok(json_answer(200, json!({"status": "ok"}).to_string()))
    }

    async fn list(&self, request: &Request) -> Result<Answer, Problem> {
        let start: Option<BTreeMap<String, String>> = start_of_page(request)?;
        let parameters = request.query_string_parameters();
        let category = parameters.first("category");
        if category.is_some_and(|category| !is_slug(category)) {
            let wrong = FieldError::new("?category", "must be a category's slug: lower-case letters, digits and hyphens");
            return Err(Problem::validation(&[wrong]));
        }
        if start.as_ref().is_some_and(|start| !begins_a_page(start, category)) {
            return Err(wrong_cursor());
        }
        let page = self.products.page(category, limit(request)?, start.as_ref()).await.map_err(unavailable)?;
        let skus: Vec<&Sku> = page.items.iter().map(|product| &product.sku).collect();
        let levels =
            if skus.is_empty() { BTreeMap::new() } else { self.inventory.available(&skus).await.map_err(unavailable)? };
        let shown = page.items.iter().map(|product| Shown { product, available: levels.get(&product.sku).copied().unwrap_or(0) });
        let body = json!({"products": shown.collect::<Vec<_>>(), "next_cursor": page.next.as_ref().map(cursor)});
        Ok(json_answer(200, body.to_string()))
    }

    async fn one(&self, request: &Request) -> Result<Answer, Problem> {
        let none = || Problem::not_found("There is no such product; see GET /v1/products.");
        let sku: Sku = request.path_parameters().first("sku").and_then(|sku| sku.parse().ok()).ok_or_else(none)?;
        let (product, level) = tokio::join!(self.products.get(&sku), self.inventory.level(&sku));
        let product = product.map_err(unavailable)?.ok_or_else(none)?;
        let available = level.map_err(unavailable)?.map_or(0, |level| level.available);
        Ok(json_answer(200, serde_json::to_string(&Shown { product: &product, available }).unwrap_or_default()))
    }
}

/// Whether this is where a page of this list may begin: it names a product, and the category if the list is of one.
fn begins_a_page(start: &BTreeMap<String, String>, category: Option<&str>) -> bool {
    let members = if category.is_some() { 2 } else { 1 };
    start.len() == members
        && start.get("sku").is_some_and(|sku| sku.parse::<Sku>().is_ok())
        && start.get("category").map(String::as_str) == category
}

fn is_slug(text: &str) -> bool {
    text.parse::<Sku>().is_ok()
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unavailable(error: RepositoryError) -> Problem {
    tracing::error!(%error, "a table did not answer");
    Problem::overloaded()
}

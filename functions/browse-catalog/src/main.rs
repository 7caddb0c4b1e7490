//! Wiring only.

use browse_catalog::BrowseCatalog;
use lambda_http::{Error, run, service_fn};
use shared::{
    aws, http,
    repositories::{inventory::InventoryTable, products::ProductsTable},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws::config()?);
    let browse_catalog =
        BrowseCatalog { products: ProductsTable::from_env(&dynamodb)?, inventory: InventoryTable::from_env(&dynamodb)? };
    browse_catalog.products.warm().await;

    run(service_fn(|request| http::respond(request, |request| browse_catalog.handle(request)))).await
}

//! Wiring only.

use checkout::{Checkout, workflow::Workflow};
use lambda_http::{Error, run, service_fn};
use shared::{
    aws, http,
    payments::providers::AcceptedAmounts,
    repositories::{
        idempotency_keys::IdempotencyKeysTable, order_details::OrderDetailsTable, order_events::OrderEvents,
        products::ProductsTable,
    },
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let checkout = Checkout {
        keys: IdempotencyKeysTable::from_env(&dynamodb)?,
        events: OrderEvents::from_env(&dynamodb)?,
        details: OrderDetailsTable::from_env(&dynamodb)?,
        products: ProductsTable::from_env(&dynamodb)?,
        accepted: AcceptedAmounts::from_env()?,
        workflow: Workflow::from_env(&aws)?,
    };
    tokio::join!(checkout.events.warm(), checkout.workflow.warm());

    run(service_fn(|request| http::respond(request, |request| checkout.handle(request)))).await
}

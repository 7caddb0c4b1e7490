//! Wiring only.

#![recursion_limit = "256"]

use checkout::{Checkout, workflow::Workflow};
use lambda_http::{Error, run, service_fn};
use shared::{
    aws, config,
    customer_action::CustomerActions,
    http,
    payments::providers::{AcceptedAmounts, Providers},
    repositories::{
        idempotency_keys::IdempotencyKeysTable, order_details::OrderDetailsTable, order_events::OrderEvents,
        products::ProductsTable,
    },
    settlement::Settlement,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let providers = Providers::from_env(&aws)?;
    let checkout = Checkout {
        keys: IdempotencyKeysTable::from_env(&dynamodb)?,
        events: OrderEvents::from_env(&dynamodb)?,
        details: OrderDetailsTable::from_env(&dynamodb)?,
        products: ProductsTable::from_env(&dynamodb)?,
        accepted: AcceptedAmounts::from_env()?,
        actions: CustomerActions::from_env(providers.clone())?,
        providers,
        question_limit: config::millis("PROVIDER_QUESTION_TIMEOUT_MS")?,
        workflow: Workflow::from_env(&aws)?,
        settlement: Settlement::from_env(&aws)?,
    };
    tokio::join!(checkout.events.warm(), checkout.workflow.warm(), checkout.providers.warm());

    run(service_fn(|request| http::respond(request, |request| checkout.handle(request)))).await
}

//! Wiring only.

use amend_orders::AmendOrders;
use lambda_http::{Error, run, service_fn};
use shared::{
    aws, http,
    repositories::{idempotency_keys::IdempotencyKeysTable, order_events::OrderEvents},
    settlement::Settlement,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let amend_orders = AmendOrders {
        keys: IdempotencyKeysTable::from_env(&dynamodb)?,
        events: OrderEvents::from_env(&dynamodb)?,
        settlement: Settlement::from_env(&aws)?,
    };
    amend_orders.events.warm().await;

    run(service_fn(|request| http::respond(request, |request| amend_orders.handle(request)))).await
}

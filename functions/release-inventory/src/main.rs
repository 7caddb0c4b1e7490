//! Wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws,
    repositories::{inventory::InventoryTable, order_events::OrderEvents},
    saga::{OrderRef, step},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws::config()?);
    let events = OrderEvents::from_env(&dynamodb)?;
    let inventory = InventoryTable::from_env(&dynamodb)?;
    events.warm().await;

    run(service_fn(|event: LambdaEvent<OrderRef>| {
        step(event.payload.order_id.clone(), release_inventory::handle(&events, &inventory, event.payload))
    }))
    .await
}

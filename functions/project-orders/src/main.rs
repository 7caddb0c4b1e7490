//! Wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use project_orders::ProjectOrders;
use shared::{
    aws,
    dead_letters::DeadLetterQueue,
    repositories::{customer_orders::CustomerOrdersTable, order_events::OrderEvents},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let project_orders = ProjectOrders {
        events: OrderEvents::from_env(&dynamodb)?,
        view: CustomerOrdersTable::from_env(&dynamodb)?,
        dead_letters: DeadLetterQueue::from_env(&aws, "PROJECT_ORDERS_DEAD_LETTERS")?,
    };
    project_orders.events.warm().await;

    run(service_fn(|batch: LambdaEvent<_>| project_orders.handle(batch.payload))).await
}

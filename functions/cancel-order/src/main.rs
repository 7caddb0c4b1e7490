//! Wiring only.

use cancel_order::CancelOrder;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{aws, repositories::order_events::OrderEvents, saga::step, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws::config()?);
    let events = OrderEvents::from_env(&dynamodb)?;
    events.warm().await;

    run(service_fn(|event: LambdaEvent<CancelOrder>| {
        step(event.payload.order_id.clone(), cancel_order::handle(&events, event.payload))
    }))
    .await
}

//! Wiring only.

#![recursion_limit = "256"]

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use plan_settlement::{PlanSettlement, Round};
use shared::{aws, config, repositories::order_events::OrderEvents, saga::step, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws::config()?);
    let plan_settlement = PlanSettlement {
        events: OrderEvents::from_env(&dynamodb)?,
        deadlines: config::deadlines()?,
        first_wait: config::number("SETTLEMENT_FIRST_WAIT_SECONDS")?,
        longest_wait: config::number("SETTLEMENT_LONGEST_WAIT_SECONDS")?,
        refund_pause: config::millis("REFUND_PAUSE_MS")?.try_into()?,
    };
    plan_settlement.events.warm().await;

    run(service_fn(|event: LambdaEvent<Round>| {
        step(event.payload.order_id.clone(), plan_settlement.handle(event.payload, Timestamp::now()))
    }))
    .await
}

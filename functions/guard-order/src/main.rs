//! Wiring only.

use guard_order::{GuardOrder, GuardQueue};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws,
    dead_letters::DeadLetterQueue,
    repositories::{order_details::OrderDetailsTable, order_events::OrderEvents},
    settlement::Settlement,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let guard_order = GuardOrder {
        events: OrderEvents::from_env(&dynamodb)?,
        details: OrderDetailsTable::from_env(&dynamodb)?,
        settlement: Settlement::from_env(&aws)?,
        queue: GuardQueue::from_env(&aws)?,
        dead_letters: DeadLetterQueue::from_env(&aws, "GUARD_DEAD_LETTERS")?,
    };
    guard_order.events.warm().await;

    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Error>(guard_order.handle(batch.payload, batch.context.deadline()).await)
    }))
    .await
}

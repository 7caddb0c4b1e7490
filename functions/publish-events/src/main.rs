//! Wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use publish_events::{Bus, PublishEvents};
use shared::{aws, dead_letters::DeadLetterQueue, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let publish_events = PublishEvents {
        bus: Bus::from_env(aws_sdk_eventbridge::Client::new(&aws))?,
        dead_letters: DeadLetterQueue::from_env(&aws, "PUBLISH_EVENTS_DEAD_LETTERS")?,
    };
    publish_events.bus.warm().await;

    run(service_fn(|batch: LambdaEvent<_>| publish_events.handle(batch.payload))).await
}

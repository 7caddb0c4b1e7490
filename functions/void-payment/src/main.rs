//! Wiring only.

#![recursion_limit = "256"]

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws, config,
    payments::providers::Providers,
    repositories::order_events::OrderEvents,
    saga::{OrderRef, step},
    telemetry,
};
use void_payment::VoidPayment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let void_payment = VoidPayment {
        events: OrderEvents::from_env(&dynamodb)?,
        providers: Providers::from_env(&aws)?,
        provider_limit: config::millis("PROVIDER_TOTAL_TIMEOUT_MS")?,
        request_life: config::millis("REQUEST_LIFE_MS")?.try_into()?,
    };
    tokio::join!(void_payment.events.warm(), void_payment.providers.warm());

    run(service_fn(|event: LambdaEvent<OrderRef>| step(event.payload.order_id.clone(), void_payment.handle(event.payload)))).await
}

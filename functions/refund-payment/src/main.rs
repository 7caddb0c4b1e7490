//! Wiring only.

#![recursion_limit = "256"]

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use refund_payment::{RefundPayment, RefundStep};
use shared::{aws, config, payments::providers::Providers, repositories::order_events::OrderEvents, saga::step, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let refund_payment = RefundPayment {
        events: OrderEvents::from_env(&dynamodb)?,
        providers: Providers::from_env(&aws)?,
        request_life: config::millis("REQUEST_LIFE_MS")?.try_into()?,
        provider_limit: config::millis("PROVIDER_TOTAL_TIMEOUT_MS")?,
    };
    tokio::join!(refund_payment.events.warm(), refund_payment.providers.warm());

    run(service_fn(|event: LambdaEvent<RefundStep>| step(event.payload.order_id.clone(), refund_payment.handle(event.payload))))
        .await
}

//! Wiring only.

#![recursion_limit = "256"]

use capture_payment::CapturePayment;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws, config, dead_letters::LastTry, payments::providers::Providers, repositories::order_events::OrderEvents, telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let capture_payment = CapturePayment {
        events: OrderEvents::from_env(&dynamodb)?,
        providers: Providers::from_env(&aws)?,
        provider_limit: config::millis("PROVIDER_TOTAL_TIMEOUT_MS")?,
        last_try: LastTry::from_env(&aws, "CAPTURE_PAYMENT_DEAD_LETTERS")?,
    };
    tokio::join!(capture_payment.events.warm(), capture_payment.providers.warm());

    run(service_fn(|event: LambdaEvent<_>| capture_payment.handle(event.payload, event.context.deadline()))).await
}

//! Wiring only.

#![recursion_limit = "256"]

use authorize_payment::AuthorizePayment;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::{
    aws, config,
    payments::providers::Providers,
    repositories::{order_details::OrderDetailsTable, order_events::OrderEvents},
    saga::{OrderRef, step},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let authorize_payment = AuthorizePayment {
        events: OrderEvents::from_env(&dynamodb)?,
        details: OrderDetailsTable::from_env(&dynamodb)?,
        providers: Providers::from_env(&aws)?,
        provider_limit: config::millis("PROVIDER_TOTAL_TIMEOUT_MS")?,
    };
    tokio::join!(authorize_payment.events.warm(), authorize_payment.providers.warm());

    run(service_fn(|event: LambdaEvent<OrderRef>| {
        step(event.payload.order_id.clone(), authorize_payment.handle(event.payload, event.context.deadline()))
    }))
    .await
}

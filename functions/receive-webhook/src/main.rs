//! Wiring only.

#![recursion_limit = "256"]

use lambda_http::{Error, run, service_fn};
use receive_webhook::{REMEMBERED, ReceiveWebhook};
use shared::{
    aws, config, http,
    payments::{providers::Providers, webhooks::Webhooks},
    repositories::{idempotency_keys::IdempotencyKeysTable, order_events::OrderEvents},
    settlement::Settlement,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let seen = (config::text("WEBHOOK_EVENTS_TABLE")?, config::millis("WEBHOOK_LEASE_MS")?);
    let receive_webhook = ReceiveWebhook {
        webhooks: Webhooks::from_env(&aws)?,
        seen: IdempotencyKeysTable::new(dynamodb.clone(), seen.0, seen.1, REMEMBERED),
        events: OrderEvents::from_env(&dynamodb)?,
        providers: Providers::from_env(&aws)?,
        settlement: Settlement::from_env(&aws)?,
    };
    tokio::join!(receive_webhook.events.warm(), receive_webhook.providers.warm(), receive_webhook.webhooks.warm());

    run(service_fn(|request| http::respond(request, |request| receive_webhook.handle(request)))).await
}

//! Wiring only.

#![recursion_limit = "256"]

use lambda_http::{Error, run, service_fn};
use receive_webhook::ReceiveWebhook;
use shared::{
    aws, http,
    payments::{providers::Providers, webhooks::Webhooks},
    repositories::{order_events::OrderEvents, webhook_events::WebhookEventsTable},
    settlement::Settlement,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let receive_webhook = ReceiveWebhook {
        webhooks: Webhooks::from_env(&aws)?,
        applied: WebhookEventsTable::from_env(&dynamodb)?,
        events: OrderEvents::from_env(&dynamodb)?,
        providers: Providers::from_env(&aws)?,
        settlement: Settlement::from_env(&aws)?,
    };
    tokio::join!(receive_webhook.events.warm(), receive_webhook.providers.warm(), receive_webhook.webhooks.warm());

    run(service_fn(|request| http::respond(request, |request| receive_webhook.handle(request)))).await
}

//! Wiring only.

#![recursion_limit = "256"]

use std::convert::Infallible;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use send_email::{Mailer, REMEMBERED, ReceiptBucket, SendEmail};
use shared::{
    aws, config,
    dead_letters::LastTry,
    repositories::{idempotency_keys::IdempotencyKeysTable, order_details::OrderDetailsTable, order_events::OrderEvents},
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(env!("CARGO_CRATE_NAME"));
    let aws = aws::config()?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let sent = (config::text("SENT_EMAILS_TABLE")?, config::millis("SENDING_LEASE_MS")?);
    let send_email = SendEmail {
        events: OrderEvents::from_env(&dynamodb)?,
        details: OrderDetailsTable::from_env(&dynamodb)?,
        sent: IdempotencyKeysTable::new(dynamodb, sent.0, sent.1, REMEMBERED),
        receipts: ReceiptBucket::from_env(&aws)?,
        mailer: Mailer::from_env(&aws)?,
        shop_url: config::text("SHOP_URL")?,
        last_try: LastTry::from_env(&aws, "SEND_EMAIL_DEAD_LETTERS")?,
    };
    tokio::join!(send_email.events.warm(), send_email.receipts.warm(), send_email.mailer.warm());

    run(service_fn(async |batch: LambdaEvent<_>| {
        Ok::<_, Infallible>(send_email.handle(batch.payload, batch.context.deadline()).await)
    }))
    .await
}

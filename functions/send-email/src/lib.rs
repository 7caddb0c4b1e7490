//! On `OrderConfirmed`: writes the receipt to S3 and sends the confirmation. The same event twice sends one e-mail.

mod confirmation;
mod receipt;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde::Deserialize;
use shared::{
    batch::each_message,
    config::{self, Missing},
    domain::{
        event::{Event, Fact},
        order::Order,
        personal::OrderDetails,
    },
    repositories::{
        idempotency_keys::{IdempotencyKeysTable, Lease, NextAction, RequestKey, SavedAnswer},
        order_details::OrderDetailsTable,
        order_events::OrderEvents,
    },
};

use crate::confirmation::Confirmation;

/// How long a sent e-mail is remembered: longer than any event can come again.
pub const REMEMBERED: Duration = Duration::from_hours(24 * 365 * 10);

/// The shop's mail.
#[derive(Clone, Debug)]
pub struct Mailer {
    client: aws_sdk_sesv2::Client,
    from: String,
}

impl Mailer {
    /// Sends from `SHOP_EMAIL`.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        Ok(Self { client: aws_sdk_sesv2::Client::new(aws), from: config::text("SHOP_EMAIL")? })
    }

    /// Opens the connection during init, so that the first e-mail finds it warm.
    pub async fn warm(&self) {
        if let Err(error) = self.client.get_email_identity().email_identity(&self.from).send().await {
            tracing::warn!(error = %aws_sdk_sesv2::error::DisplayErrorContext(&error), "SES could not be reached ahead");
        }
    }

    async fn send(&self, to: &str, confirmation: &Confirmation) -> Result<String, Error> {
        let content = |text: String| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder().html(content(confirmation.html()?)?).text(content(confirmation.text()?)?).build();
        let message = Message::builder().subject(content(confirmation.subject())?).body(body).build();
        let send = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build());
        match send.send().await {
            Ok(answer) => Ok(answer.message_id.unwrap_or_default()),
            // The error's text may name the address.
            Err(error) => match error.as_service_error() {
                Some(service) => Err(format!("SES refused the e-mail: {}", service.meta().code().unwrap_or("unknown")).into()),
                None => Err("SES did not answer".into()),
            },
        }
    }
}

/// Where receipts are kept.
#[derive(Clone, Debug)]
pub struct ReceiptBucket {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl ReceiptBucket {
    /// The bucket that `RECEIPTS_BUCKET` names.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn from_env(aws: &SdkConfig) -> Result<Self, Missing> {
        // A bucket's name is part of the path where there is no wildcard DNS, as on a laptop.
        let settings = aws_sdk_s3::config::Builder::from(aws).force_path_style(config::is_local()).build();
        Ok(Self { client: aws_sdk_s3::Client::from_conf(settings), bucket: config::text("RECEIPTS_BUCKET")? })
    }

    /// Opens the connection during init, so that the first receipt finds it warm.
    pub async fn warm(&self) {
        if let Err(error) = self.client.head_bucket().bucket(&self.bucket).send().await {
            tracing::warn!(error = %aws_sdk_s3::error::DisplayErrorContext(&error), "the receipts could not be reached ahead");
        }
    }

    /// Keeps the order's receipt; a repeat puts the same one in its place.
    async fn put(&self, order: &Order, pdf: Vec<u8>) -> Result<(), Error> {
        let put = self.client.put_object().bucket(&self.bucket).key(format!("receipts/{}.pdf", order.id));
        put.content_type("application/pdf").body(pdf.into()).send().await?;
        Ok(())
    }
}

/// What the function works with.
#[derive(Debug)]
pub struct SendEmail {
    /// Orders.
    pub events: OrderEvents,
    /// Whom to write to.
    pub details: OrderDetailsTable,
    /// What was sent already.
    pub sent: IdempotencyKeysTable,
    /// Where receipts go.
    pub receipts: ReceiptBucket,
    /// The shop's mail.
    pub mailer: Mailer,
    /// Where the page is, for the link.
    pub shop_url: String,
}

/// What a rule of the bus puts into the queue.
#[derive(Deserialize)]
struct Envelope {
    detail: Event,
}

impl SendEmail {
    /// Sends what the messages of this batch ask for. Only those that failed come again.
    pub async fn handle(&self, batch: SqsEvent) -> SqsBatchResponse {
        each_message(&batch, |message| self.handle_message(message)).await
    }

    async fn handle_message(&self, message: &SqsMessage) -> Result<(), Error> {
        let body = message.body.as_deref().unwrap_or_default();
        let event =
            serde_json::from_str::<Envelope>(body).map_err(|error| format!("the message holds no event: {error}"))?.detail;
        let Fact::OrderConfirmed { .. } = event.fact else {
            return Err(format!("no e-mail is written for {}", event.fact.name()).into());
        };
        let order = self.events.order(&event.order_id).await?;
        let Some(details) = self.details.load(&event.order_id).await? else {
            tracing::warn!(order_id = %event.order_id, "the order's personal data was erased: nobody is written to");
            return Ok(());
        };
        let key = RequestKey::new(&order.placed.customer_id, "send-email", &format!("{}#{}", order.id, event.sequence));
        match self.sent.claim(key, "confirmation", Timestamp::now()).await? {
            NextAction::Start(lease) => self.confirm(&order, &details, &lease).await,
            NextAction::Replay(_) => {
                tracing::info!(order_id = %order.id, sequence = event.sequence, "the e-mail was sent before");
                Ok(())
            }
            NextAction::InProgress(_) | NextAction::Mismatch => {
                Err("another is sending this e-mail; its lease runs out soon".into())
            }
        }
    }

    async fn confirm(&self, order: &Order, details: &OrderDetails, lease: &Lease) -> Result<(), Error> {
        let outcome = self.write_and_send(order, details).await;
        match outcome {
            Ok(message_id) => {
                tracing::info!(order_id = %order.id, message_id, "the confirmation was sent");
                let answer = SavedAnswer { status: 200, body: message_id, headers: Vec::new() };
                self.sent.save(lease, &answer).await?;
                Ok(())
            }
            Err(error) => {
                self.sent.release(lease).await?;
                Err(error)
            }
        }
    }

    async fn write_and_send(&self, order: &Order, details: &OrderDetails) -> Result<String, Error> {
        self.receipts.put(order, receipt::pdf(order, details)?).await?;
        let confirmation = Confirmation::of(order, details, &self.shop_url);
        self.mailer.send(&details.email, &confirmation).await
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! On an event that changes what a customer was told: writes to her, once. On `OrderConfirmed` the receipt is written to S3
//! first, whether or not the order was cancelled meanwhile. Every other event asks for nothing and is no error.
//!
//! The same event twice sends one e-mail: whoever sends it claims the event first, by order and sequence.

mod letter;
mod mailer;
mod occasion;
mod receipt;
mod receipt_bucket;

use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use jiff::Timestamp;
use lambda_runtime::Error;
use shared::{
    batch::{each_message, event_in},
    dead_letters::LastTry,
    domain::{event::Fact, order::Order, personal::OrderDetails},
    repositories::{
        idempotency_keys::{IdempotencyKeysTable, Lease, NextAction, RequestKey, SavedAnswer},
        order_details::OrderDetailsTable,
        order_events::OrderEvents,
    },
    retry::full_jitter,
};

use crate::{letter::Letter, occasion::Occasion};
pub use crate::{mailer::Mailer, receipt_bucket::ReceiptBucket};

/// How long a sent e-mail is remembered: longer than any event can come again.
pub const REMEMBERED: Duration = Duration::from_hours(24 * 365 * 10);

/// Whoever dies between SES's answer and its note has sent one e-mail that is sent again, and not a whole batch of them.
const ONE_BY_ONE: usize = 1;

/// How often a note is tried again, once all tries of the first were in vain.
const NOTED_AGAIN: u32 = 2;

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
    /// Where a message goes that failed for the last time.
    pub last_try: LastTry,
}

impl SendEmail {
    /// Sends what the messages of this batch ask for. Only those that failed come again.
    pub async fn handle(&self, batch: SqsEvent, deadline: SystemTime) -> SqsBatchResponse {
        each_message(&batch, deadline, ONE_BY_ONE, Some(&self.last_try), |message| self.handle_message(message)).await
    }

    async fn handle_message(&self, message: &SqsMessage) -> Result<(), Error> {
        let event = event_in(message)?;
        let events = self.events.load(&event.order_id).await?;
        let until = events.get(..usize::try_from(event.sequence)?).ok_or("the event is not in its order's history")?;
        let (then, now) = (Order::from_events(until)?, Order::from_events(&events)?);
        let Some(details) = self.details.load(&event.order_id).await? else {
            tracing::warn!(order_id = %event.order_id, "the order's personal data was erased: nobody is written to");
            return Ok(());
        };
        if let Fact::OrderConfirmed { .. } = event.fact {
            self.receipts.put(&then, receipt::pdf(&then, &details)?).await?;
        }
        let Some(occasion) = Occasion::of(until, &now) else {
            tracing::info!(order_id = %event.order_id, sequence = event.sequence, "the event is no occasion to write");
            return Ok(());
        };
        let key = RequestKey::new(&then.placed.customer_id, "send-email", &format!("{}#{}", then.id, then.sequence));
        match self.sent.claim(key, occasion.name(), Timestamp::now()).await? {
            NextAction::Start(lease) => self.write(occasion, &then, &details, &lease).await,
            NextAction::Replay(_) => {
                tracing::info!(order_id = %then.id, sequence = then.sequence, "the e-mail was sent before");
                Ok(())
            }
            NextAction::InProgress(_) | NextAction::Mismatch => {
                Err("another is sending this e-mail; its lease runs out soon".into())
            }
        }
    }

    async fn write(&self, occasion: Occasion<'_>, order: &Order, details: &OrderDetails, lease: &Lease) -> Result<(), Error> {
        let letter = Letter::on(occasion, order, details, &self.shop_url);
        match self.mailer.send(&details.email, &letter).await {
            Ok(message_id) => {
                tracing::info!(order_id = %order.id, sequence = order.sequence, message_id, "the {} was sent", occasion.name());
                let answer = SavedAnswer { status: 200, body: message_id, headers: Vec::new() };
                self.note(lease, &answer).await
            }
            Err(error) => {
                self.sent.release(lease).await?;
                Err(error)
            }
        }
    }

    /// Notes that an e-mail was sent, more patiently than other things are written: what is not noted is sent again.
    async fn note(&self, lease: &Lease, answer: &SavedAnswer) -> Result<(), Error> {
        for attempt in 0..NOTED_AGAIN {
            match self.sent.save(lease, answer).await {
                Ok(_) => return Ok(()),
                Err(error) => tracing::warn!(%error, "the e-mail is sent and not noted yet"),
            }
            tokio::time::sleep(full_jitter(attempt, Duration::from_millis(200), Duration::from_secs(1))).await;
        }
        self.sent.save(lease, answer).await?;
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

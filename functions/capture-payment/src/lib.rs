//! Takes the money of a confirmed order. Undone by `refund-payment`.
//!
//! It has two doors: the queue that brings every `OrderConfirmed`, and the settlement, for a capture that is still owed.

use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use serde::{Deserialize, Serialize};
use shared::{
    batch::{each_message, event_in},
    dead_letters::LastTry,
    domain::{
        order::{Attempt, Order, Outcome},
        payment::PaymentState,
    },
    payments::{PaymentGateway, providers::Providers},
    repositories::order_events::OrderEvents,
    saga::{self, OrderRef, StepError},
};

/// As many as a batch has: one whose provider is slow keeps none waiting.
const BATCH: usize = 10;

/// What the function works with.
#[derive(Debug)]
pub struct CapturePayment {
    /// The order.
    pub events: OrderEvents,
    /// Who charges.
    pub providers: Providers,
    /// For all calls to one provider; less than the step's own limit.
    pub provider_limit: Duration,
    /// Where a message goes that failed for the last time.
    pub last_try: LastTry,
}

/// What it is called with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Call {
    /// Messages of the queue, each an `OrderConfirmed`.
    Messages(SqsEvent),
    /// A step of the settlement.
    Step(OrderRef),
}

/// What it answers, to each in its own format.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// The messages that must come again.
    Messages(SqsBatchResponse),
    /// The step's output.
    Step(OrderRef),
}

/// What became of the money.
enum Taken {
    /// As the provider says.
    Said(PaymentState),
    /// The hold was lost, for this reason, and can never come back.
    Lost(String),
}

impl CapturePayment {
    /// Captures what the call asks for. Only messages that failed come again.
    ///
    /// # Errors
    /// A step's, as [`capture`](Self::capture).
    pub async fn handle(&self, call: Call, deadline: SystemTime) -> Result<Reply, StepError> {
        match call {
            Call::Messages(batch) => Ok(Reply::Messages(self.each(&batch, deadline).await)),
            Call::Step(step) => saga::step(step.order_id.clone(), self.capture(step)).await.map(Reply::Step),
        }
    }

    async fn each(&self, batch: &SqsEvent, deadline: SystemTime) -> SqsBatchResponse {
        each_message(batch, deadline, BATCH, Some(&self.last_try), |message| self.handle_message(message)).await
    }

    async fn handle_message(&self, message: &SqsMessage) -> Result<(), String> {
        let event = event_in(message)?;
        match self.capture(OrderRef { order_id: event.order_id }).await {
            // A cancel was faster: nothing is to be taken any more.
            Ok(_) | Err(StepError::NotAllowed(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Announces the capture, captures, and appends what the provider said. A repeat reads first and never takes twice.
    ///
    /// # Errors
    /// [`StepError::NotAllowed`] when the order is not confirmed; [`StepError::Unavailable`] when the provider did not say
    /// what became of it: it stays owed.
    pub async fn capture(&self, step: OrderRef) -> Result<OrderRef, StepError> {
        // Who appended the event, and nobody else, knows that the capture was never sent.
        let (order, fresh) = self.events.advance_first(&step.order_id, Order::start_capture).await?;
        let Outcome::Confirmed { attempt: number } = *order.outcome() else { return Ok(step) };
        if !order.capture_is_under_way(number) {
            return Ok(step);
        }
        let attempt = order.attempt(number).ok_or_else(|| StepError::InvalidOrder("the confirmed attempt is gone".into()))?;
        let taken = tokio::time::timeout(self.provider_limit, self.take(&order, attempt, fresh)).await;
        let taken = taken.unwrap_or_else(|_| Err(StepError::Unavailable("the provider took too long".into())))?;
        match taken {
            Taken::Lost(reason) => self.events.advance(&step.order_id, |order| order.fail_capture(number, &reason)).await?,
            Taken::Said(state @ (PaymentState::Captured | PaymentState::Voided)) => {
                self.events.advance(&step.order_id, |order| order.observed(number, &state)).await?
            }
            Taken::Said(state) => {
                return Err(StepError::Unavailable(format!("{} has not captured: {state:?}", attempt.provider)));
            }
        };
        Ok(step)
    }

    /// Captures, and sees that a hold that was lost stays lost: a confirmation that lands late would hold the money again, and
    /// whoever reads that takes it. So the attempt is cancelled, where its provider can cancel it, before its capture has failed.
    async fn take(&self, order: &Order, attempt: &Attempt, fresh: bool) -> Result<Taken, StepError> {
        let state = self.ask(order, attempt, fresh).await?;
        // Heard since the capture began, so it is no news from before the hold: there is none any more.
        let reason = match &state {
            PaymentState::Declined(code) => code.clone(),
            PaymentState::Prepared | PaymentState::ActionRequired if attempt.provider.asks_again() => {
                "the provider holds nothing any more".to_owned()
            }
            _ => return Ok(Taken::Said(state)),
        };
        if !attempt.provider.cancels_unauthorized() {
            return Ok(Taken::Lost(reason));
        }
        match self.providers.gateway(attempt.provider).void(&attempt.reference).await? {
            PaymentState::Voided => Ok(Taken::Lost(reason)),
            state => Ok(Taken::Said(state)),
        }
    }

    async fn ask(&self, order: &Order, attempt: &Attempt, fresh: bool) -> Result<PaymentState, StepError> {
        let gateway: &dyn PaymentGateway = self.providers.gateway(attempt.provider);
        if !fresh {
            let known = gateway.read(&attempt.reference).await?;
            if !matches!(known, PaymentState::Authorized { .. }) {
                return Ok(known);
            }
        }
        match gateway.capture(&attempt.reference, order.placed.total).await {
            Ok(state) => Ok(state),
            Err(error) => {
                tracing::warn!(order_id = %order.id, attempt = attempt.number, %error, "the capture has no answer: reading it");
                Ok(gateway.read(&attempt.reference).await?)
            }
        }
    }
}

//! Gives money back: all that is left when a paid order is cancelled, or what an administrator asked for. What undoes
//! `capture-payment`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use shared::{
    books::tell_failed_refund,
    domain::{
        ids::OrderId,
        order::{Attempt, Decision, Order, Refund, RefundProgress},
        payment::RefundState,
    },
    payments::{PaymentError, providers::Providers},
    repositories::order_events::OrderEvents,
    saga::{OrderRef, StepError},
};

/// The step's input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RefundStep {
    /// The order.
    pub order_id: OrderId,
    /// How many refunds of the cancellation had failed when the step was planned: another is begun only if none did since.
    #[serde(default)]
    pub failed: Option<u32>,
}

/// What the step works with.
#[derive(Debug)]
pub struct RefundPayment {
    /// The order.
    pub events: OrderEvents,
    /// Who charges.
    pub providers: Providers,
    /// For all calls to one provider; less than the step's own limit.
    pub provider_limit: Duration,
    /// No request that was sent to a provider acts later than this.
    pub request_life: SignedDuration,
}

impl RefundPayment {
    /// Starts what a cancelled order owes, sends every refund that was started, and appends what became of it. A refund
    /// whose fate is unknown is looked up among the payment's refunds and never sent again blindly; one that is nowhere is sent
    /// under the key that [`Refund::key_at`] allows, if any.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] when some refund has no outcome yet: it stays owed.
    pub async fn handle(&self, step: RefundStep) -> Result<OrderRef, StepError> {
        let before = self.events.order(&step.order_id).await?;
        let begin = |order: &Order| match step.failed {
            Some(planned) if planned != order.failed_cancellation_refunds() => Decision::AlreadyDone,
            _ => order.start_cancellation_refund(),
        };
        // Who appended the event, and nobody else, knows that the refund was never sent.
        let (order, fresh) = match begin(&before) {
            Decision::Append(_) => self.events.advance_first(&step.order_id, begin).await?,
            Decision::AlreadyDone | Decision::NotAllowed(_) => (before, false),
        };
        let done = OrderRef { order_id: step.order_id };
        let Some(attempt) = order.captured_attempt().and_then(|number| order.attempt(number)) else { return Ok(done) };
        let mut failure = None;
        for refund in order.refunds().iter().filter(|refund| refund.progress == RefundProgress::Started) {
            let ours = fresh && order.refunds().last() == Some(refund);
            let refunded = tokio::time::timeout(self.provider_limit, self.refund(&order.id, attempt, refund, ours)).await;
            if let Err(error) = refunded.unwrap_or_else(|_| Err(StepError::Unavailable("the provider took too long".into()))) {
                tracing::warn!(order_id = %order.id, refund = %refund.id, %error, "the refund has no outcome yet");
                failure = Some(error);
            }
        }
        failure.map_or(Ok(done), Err)
    }

    async fn refund(&self, order_id: &OrderId, attempt: &Attempt, refund: &Refund, fresh: bool) -> Result<(), StepError> {
        match self.ask(attempt, refund, fresh).await? {
            RefundState::Refunded => {
                self.events.advance(order_id, |order| order.finish_refund(&refund.id)).await?;
                Ok(())
            }
            RefundState::Failed(reason) => {
                tell_failed_refund(order_id, &refund.id, attempt.provider, &reason, "refund-payment");
                self.events.advance(order_id, |order| order.fail_refund(&refund.id, &reason)).await?;
                Ok(())
            }
            RefundState::Pending => Err(StepError::Unavailable(format!("{} has not decided on the refund", attempt.provider))),
        }
    }

    async fn ask(&self, attempt: &Attempt, refund: &Refund, fresh: bool) -> Result<RefundState, PaymentError> {
        let gateway = self.providers.gateway(attempt.provider);
        // Chosen before the look: whoever looks once this key has had its time finds what was sent under it.
        let key = refund.key_at(Timestamp::now(), self.request_life);
        if !fresh && let Some(known) = gateway.find_refund(&attempt.reference, &refund.id).await? {
            return Ok(known);
        }
        let Some(key) = key else {
            tracing::info!(refund = %refund.id, "the refund is nowhere, and something sent may still act: it is only looked for");
            return Ok(RefundState::Pending);
        };
        match gateway.refund(&attempt.reference, &refund.id, &key, refund.amount).await {
            Err(PaymentError::Unknown { reason, .. }) => {
                tracing::warn!(refund = %refund.id, reason, "what became of the refund is unknown: looking it up");
                Ok(gateway.find_refund(&attempt.reference, &refund.id).await?.unwrap_or(RefundState::Pending))
            }
            answer => answer,
        }
    }
}

//! Frees the money that a dead order or an abandoned attempt holds, and makes every such attempt dead: what undoes
//! `authorize-payment`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{
        order::{Attempt, Order, Owed, PaymentAnswer},
        payment::PaymentState,
    },
    payments::providers::Providers,
    repositories::order_events::OrderEvents,
    saga::{OrderRef, StepError},
};

/// What the step works with.
#[derive(Debug)]
pub struct VoidPayment {
    /// The order.
    pub events: OrderEvents,
    /// Who charges.
    pub providers: Providers,
    /// For all calls to one provider; less than the step's own limit.
    pub provider_limit: Duration,
    /// How long after an order's end an attempt that was never authorised, and that its provider cannot cancel, may still
    /// act: longer than any request of ours lives.
    pub unauthorized_life: SignedDuration,
}

impl VoidPayment {
    /// Cancels every attempt that the order owes a void, and appends `PaymentVoided` on the provider's own word. A repeat
    /// changes nothing; none waits for another.
    ///
    /// # Errors
    /// [`StepError::NotAllowed`] when nothing may be voided; [`StepError::Unavailable`] when some attempt could not be
    /// voided yet: it stays owed.
    pub async fn handle(&self, step: OrderRef) -> Result<OrderRef, StepError> {
        let order = self.events.order(&step.order_id).await?;
        if !order.attempts().iter().all(|attempt| attempt.voided || order.may_void(attempt)) {
            return Err(StepError::NotAllowed("nothing of the order's payment is to be undone".into()));
        }
        let mut failure = None;
        for attempt in owed(&order) {
            let voided = tokio::time::timeout(self.provider_limit, self.void(&order, attempt)).await;
            if let Err(error) = voided.unwrap_or_else(|_| Err(StepError::Unavailable("the provider took too long".into()))) {
                tracing::warn!(order_id = %step.order_id, attempt = attempt.number, %error, "the attempt is not voided yet");
                failure = Some(error);
            }
        }
        failure.map_or(Ok(step), Err)
    }

    async fn void(&self, order: &Order, attempt: &Attempt) -> Result<(), StepError> {
        match self.providers.gateway(attempt.provider).void(&attempt.reference).await? {
            PaymentState::Voided => {}
            PaymentState::Prepared | PaymentState::ActionRequired | PaymentState::Declined(_)
                if self.can_never_act(order, attempt) => {}
            state => return Err(StepError::Unavailable(format!("{} did not void the attempt: {state:?}", attempt.provider))),
        }
        self.events.advance(&order.id, |order| order.void_payment(attempt.number)).await?;
        Ok(())
    }

    /// An attempt that its provider cannot cancel is watched until nothing that could authorise it lives any more. That
    /// makes it dead for the order's end only: never for another method. One that was authorised holds money until its
    /// provider says otherwise.
    fn can_never_act(&self, order: &Order, attempt: &Attempt) -> bool {
        let old = |ended: Timestamp| Timestamp::now().duration_since(ended) > self.unauthorized_life;
        let held = matches!(attempt.answer, Some(PaymentAnswer::Authorized { .. }));
        !held && !attempt.provider.cancels_unauthorized() && order.ended_at().is_some_and(old)
    }
}

fn owed(order: &Order) -> Vec<&Attempt> {
    let numbers = order.owes().into_iter().filter_map(|owed| match owed {
        Owed::Void { attempt } => Some(attempt),
        _ => None,
    });
    numbers.filter_map(|number| order.attempt(number)).collect()
}

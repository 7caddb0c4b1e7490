//! Frees the money that a rejected order holds, and makes every attempt dead: what undoes `authorize-payment`.

use std::time::Duration;

use shared::{
    domain::{
        ids::OrderId,
        order::{Attempt, Order, Owed},
    },
    payments::{PaymentState, providers::Providers},
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
}

impl VoidPayment {
    /// Cancels every attempt that the order owes a void, and appends `PaymentVoided` on the provider's own word. A repeat
    /// changes nothing; none waits for another.
    ///
    /// # Errors
    /// [`StepError::NotAllowed`] while the order is not rejected; [`StepError::Unavailable`] when some attempt could not
    /// be voided yet: it stays owed.
    pub async fn handle(&self, step: OrderRef) -> Result<OrderRef, StepError> {
        let order = self.events.order(&step.order_id).await?;
        if let shared::domain::order::Decision::NotAllowed(refusal) = order.release() {
            return Err(StepError::NotAllowed(refusal.to_string()));
        }
        let mut failure = None;
        for attempt in owed(&order) {
            let voided = tokio::time::timeout(self.provider_limit, self.void(&step.order_id, attempt)).await;
            if let Err(error) = voided.unwrap_or_else(|_| Err(StepError::Unavailable("the provider took too long".into()))) {
                tracing::warn!(order_id = %step.order_id, attempt = attempt.number, %error, "the attempt is not voided yet");
                failure = Some(error);
            }
        }
        failure.map_or(Ok(step), Err)
    }

    async fn void(&self, order_id: &OrderId, attempt: &Attempt) -> Result<(), StepError> {
        match self.providers.gateway(attempt.provider).void(&attempt.reference).await? {
            PaymentState::Voided => {
                self.events.advance(order_id, |order| order.void_payment(attempt.number)).await?;
                Ok(())
            }
            state => Err(StepError::Unavailable(format!("{} did not void the attempt: {state:?}", attempt.provider))),
        }
    }
}

fn owed(order: &Order) -> Vec<&Attempt> {
    let numbers = order.owes().into_iter().filter_map(|owed| match owed {
        Owed::Void { attempt } => Some(attempt),
        _ => None,
    });
    numbers.filter_map(|number| order.attempt(number)).collect()
}

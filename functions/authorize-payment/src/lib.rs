//! Holds an order's money at a provider. Undone by `void-payment`.

mod visit;

use std::time::{Duration, SystemTime};

use shared::{
    domain::{
        event::{Provider, Rejection},
        order::{Order, Outcome},
    },
    payments::providers::Providers,
    repositories::{order_details::OrderDetailsTable, order_events::OrderEvents},
    saga::{OrderRef, PaymentDeclined, StepError},
};

/// What the step works with.
#[derive(Debug)]
pub struct AuthorizePayment {
    /// The order.
    pub events: OrderEvents,
    /// Its payment tokens.
    pub details: OrderDetailsTable,
    /// Who charges.
    pub providers: Providers,
    /// For all calls to one provider; less than the step's own limit.
    pub provider_limit: Duration,
}

/// How an attempt stands after its provider was asked.
enum Visited {
    /// The money is held, and the events say so.
    Authorized,
    /// The attempt is dead: the order may go on with another method.
    Dead,
    /// The provider made no object: another method may be tried.
    NotPrepared(StepError),
}

impl AuthorizePayment {
    /// Goes through her payment methods until one holds the money: prepares the attempt, names it in the events,
    /// authorises it and appends what the provider said. Another method is tried only when the one before is certainly
    /// dead or was never prepared, and only with time to finish before `deadline`. A repeat resolves an attempt without
    /// an answer by reading it, and never authorises one that may be authorised.
    ///
    /// # Errors
    /// [`StepError::PaymentDeclined`] with the provider's code; [`StepError::PaymentActionRequired`] while the provider
    /// waits for her; [`StepError::Unavailable`] when no provider said what became of it; else as every step.
    pub async fn handle(&self, step: OrderRef, deadline: SystemTime) -> Result<OrderRef, StepError> {
        let mut passed_over = Vec::new();
        let mut failure = StepError::Unavailable("there is no time left for another payment method".into());
        loop {
            let order = self.events.order(&step.order_id).await?;
            let Some((number, provider)) = due(&order, &passed_over)? else {
                return if order.is_open() && !order.confirm_is_due() { Err(failure) } else { Ok(step) };
            };
            if !passed_over.is_empty() && !self.is_time_for_another(deadline) {
                return Err(failure);
            }
            let visit = tokio::time::timeout(self.provider_limit, self.visit(&order, number, provider, deadline));
            let late = || StepError::Unavailable(format!("{provider} took too long; what became of the attempt is unknown"));
            match visit.await.unwrap_or_else(|_| Err(late()))? {
                Visited::Authorized => return Ok(step),
                Visited::Dead => {
                    passed_over.push(number);
                    failure = StepError::NotAllowed("every payment method is dead at its provider".into());
                }
                Visited::NotPrepared(error) => {
                    tracing::warn!(order_id = %order.id, attempt = number, %provider, %error, "the attempt could not be prepared");
                    passed_over.push(number);
                    failure = error;
                }
            }
        }
    }

    /// No fallback starts without time to finish.
    fn is_time_for_another(&self, deadline: SystemTime) -> bool {
        deadline.duration_since(SystemTime::now()).is_ok_and(|left| left > self.provider_limit)
    }
}

/// The live attempt, else the first method that was neither tried nor passed over; none, when the money is held.
fn due(order: &Order, passed_over: &[u32]) -> Result<Option<(u32, Provider)>, StepError> {
    match order.outcome() {
        Outcome::Open => {}
        Outcome::Confirmed { .. } => return Ok(None),
        Outcome::Rejected(Rejection::PaymentDeclined { decline_code }) => return Err(declined(decline_code.clone())),
        Outcome::Rejected(_) | Outcome::Cancelled(_) => return Err(StepError::NotAllowed("the order has ended".into())),
    }
    if order.confirm_is_due() {
        return Ok(None);
    }
    if let Some(attempt) = order.live_attempt() {
        return Ok(Some((attempt.number, attempt.provider)));
    }
    Ok(order.untried_methods().find(|(number, _)| !passed_over.contains(number)))
}

fn declined(decline_code: String) -> StepError {
    StepError::PaymentDeclined(PaymentDeclined { decline_code })
}

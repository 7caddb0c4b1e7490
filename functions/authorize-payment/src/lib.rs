//! Holds an order's money at the provider. Undone by `void-payment`.

use std::time::Duration;

use shared::{
    domain::{
        event::Provider,
        order::{Attempt, Decision, Order, PaymentAnswer},
    },
    payments::{PaymentError, PaymentGateway, PaymentState, providers::Providers},
    repositories::{order_details::OrderDetailsTable, order_events::OrderEvents},
    saga::{OrderRef, PaymentDeclined, StepError},
};

/// The first attempt; it uses the method that she named first.
const FIRST: u32 = 1;

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

impl AuthorizePayment {
    /// Prepares the attempt, names it in the events, authorises it and appends what the provider said. A repeat
    /// resolves an attempt without an answer by reading it, and never authorises one that may be authorised.
    ///
    /// # Errors
    /// [`StepError::PaymentDeclined`] with the provider's code; [`StepError::Unavailable`] when the provider did not say
    /// what became of it; else as every step.
    pub async fn handle(&self, step: OrderRef) -> Result<OrderRef, StepError> {
        match tokio::time::timeout(self.provider_limit, self.authorize(&step)).await {
            Ok(outcome) => outcome.map(|()| step),
            Err(_) => Err(StepError::Unavailable("the provider took too long; what became of the attempt is unknown".into())),
        }
    }

    async fn authorize(&self, step: &OrderRef) -> Result<(), StepError> {
        let order = self.events.order(&step.order_id).await?;
        let (order, fresh) = match order.attempts().last() {
            Some(_) => (order, false),
            None => self.prepare(&order).await?,
        };
        let attempt = order.attempt(FIRST).ok_or_else(|| StepError::InvalidOrder("the prepared attempt is gone".into()))?;
        match &attempt.answer {
            Some(PaymentAnswer::Authorized) => Ok(()),
            Some(PaymentAnswer::Declined(code)) => Err(declined(code.clone())),
            None => self.resolve(&order, attempt, fresh).await,
        }
    }

    /// Makes the provider's object and names it in the events. Whoever loses that race leaves an object that no event
    /// names, and goes on with the one that the events name. `true`: it is our own, and nobody acted on it.
    async fn prepare(&self, order: &Order) -> Result<(Order, bool), StepError> {
        let provider = *order.placed.payment_methods.first().unwrap_or(&Provider::Stripe);
        if let Decision::NotAllowed(refusal) = order.prepare_payment(FIRST, provider, "") {
            return Err(StepError::NotAllowed(refusal.to_string()));
        }
        let reference = self.providers.gateway(provider).prepare(&order.id, FIRST, order.placed.total).await?;
        let prepared = self.events.advance(&order.id, |order| order.prepare_payment(FIRST, provider, &reference)).await?;
        let ours = prepared.attempt(FIRST).is_some_and(|attempt| attempt.reference == reference);
        Ok((prepared, ours))
    }

    async fn resolve(&self, order: &Order, attempt: &Attempt, fresh: bool) -> Result<(), StepError> {
        let gateway = self.providers.gateway(attempt.provider);
        let known = if fresh { PaymentState::Prepared } else { gateway.read(&attempt.reference).await? };
        let state = if known == PaymentState::Prepared { self.act(gateway, order, attempt).await? } else { known };
        match state {
            PaymentState::Authorized => {
                self.events.advance(&order.id, |order| order.authorize_payment(attempt.number)).await?;
                Ok(())
            }
            PaymentState::Declined(code) => {
                self.events.advance(&order.id, |order| order.decline_payment(attempt.number, &code)).await?;
                Err(declined(code))
            }
            PaymentState::Prepared | PaymentState::Undecided => {
                Err(StepError::Unavailable(format!("{} has not decided on the attempt yet", attempt.provider)))
            }
            PaymentState::Voided | PaymentState::Captured => {
                Err(StepError::NotAllowed(format!("{} says that the attempt is over", attempt.provider)))
            }
        }
    }

    async fn act(&self, gateway: &dyn PaymentGateway, order: &Order, attempt: &Attempt) -> Result<PaymentState, StepError> {
        let details = self.details.load(&order.id).await?;
        let method = details.as_ref().and_then(|details| details.payment_methods.first());
        let method = method.ok_or_else(|| StepError::NotAllowed("the order's payment token was erased".into()))?;
        match gateway.authorize(&order.id, &attempt.reference, &method.token).await {
            Err(PaymentError::Unknown { reason, .. }) => {
                tracing::warn!(order_id = %order.id, attempt = attempt.number, %reason, "the authorisation's outcome is unknown: reading it");
                Ok(gateway.read(&attempt.reference).await?)
            }
            answer => Ok(answer?),
        }
    }
}

fn declined(decline_code: String) -> StepError {
    StepError::PaymentDeclined(PaymentDeclined { decline_code })
}

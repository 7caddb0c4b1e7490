//! One attempt at one provider: prepare, name it in the events, act, hear the answer.

use std::time::SystemTime;

use shared::{
    domain::{
        event::{Cancellation, Provider},
        order::{Attempt, Decision, Order, PaymentAnswer},
        payment::PaymentState,
        personal::PaymentMethod,
    },
    payments::{MethodOwner, PaymentError, PaymentGateway, Preparation, Unasked},
    saga::StepError,
};

use crate::{AuthorizePayment, Visited, declined};

/// The decline of a method that belongs to somebody else.
const NOT_HERS: &str = "payment_method_not_yours";

impl AuthorizePayment {
    /// Takes this attempt as far as its provider lets it. By `deadline` another method would have to be done too.
    pub(crate) async fn visit(
        &self,
        order: &Order,
        number: u32,
        provider: Provider,
        deadline: SystemTime,
    ) -> Result<Visited, StepError> {
        let gateway = self.providers.gateway(provider);
        let (order, fresh) = match order.attempt(number) {
            Some(_) => (order.clone(), None),
            None => match self.prepare(order, number, gateway, provider).await? {
                Ok(prepared) => prepared,
                Err(failed) => return Ok(Visited::NotPrepared(failed.into())),
            },
        };
        let attempt = order.attempt(number).ok_or_else(|| StepError::InvalidOrder("the prepared attempt is gone".into()))?;
        match &attempt.answer {
            _ if attempt.voided => Ok(Visited::Dead),
            _ if attempt.abandoned => self.cancel(&order, attempt, gateway).await,
            Some(PaymentAnswer::Authorized { .. }) => Ok(Visited::Authorized),
            Some(PaymentAnswer::Declined(code)) => Err(declined(code.clone())),
            None | Some(PaymentAnswer::ActionRequired) => self.resolve(&order, attempt, gateway, fresh, deadline).await,
        }
    }

    /// Makes the provider's object and names it in the events. Whoever loses that race leaves an object that no event
    /// names, and goes on with the one that the events name. With the method: it is our own, and nobody acted on it.
    async fn prepare(
        &self,
        order: &Order,
        number: u32,
        gateway: &dyn PaymentGateway,
        provider: Provider,
    ) -> Result<Result<(Order, Option<PaymentMethod>), PaymentError>, StepError> {
        if let Decision::NotAllowed(refusal) = order.prepare_payment(number, provider, "") {
            return Err(StepError::NotAllowed(refusal.to_string()));
        }
        let method = self.method(order, number).await?;
        let preparation =
            Preparation { order_id: &order.id, attempt: number, amount: order.placed.total, account: method.account.as_deref() };
        let prepared = if method.owner_known {
            gateway.prepare(&preparation).await
        } else {
            let unasked = Unasked { token: &method.token, customer: &order.placed.customer_id };
            gateway.prepare_unasked(&preparation, unasked).await
        };
        let reference = match prepared {
            Ok(reference) => reference,
            Err(error) => return Ok(Err(error)),
        };
        let prepared = self.events.advance(&order.id, |order| order.prepare_payment(number, provider, &reference)).await?;
        let ours = prepared.attempt(number).is_some_and(|attempt| attempt.reference == reference);
        Ok(Ok((prepared, ours.then_some(method))))
    }

    async fn resolve(
        &self,
        order: &Order,
        attempt: &Attempt,
        gateway: &dyn PaymentGateway,
        fresh: Option<PaymentMethod>,
        deadline: SystemTime,
    ) -> Result<Visited, StepError> {
        let known = if fresh.is_some() { PaymentState::Prepared } else { gateway.read(&attempt.reference).await? };
        let state = if known == PaymentState::Prepared { self.act(order, attempt, gateway, fresh).await? } else { known };
        if state == PaymentState::Prepared {
            return self.not_done(order, attempt, gateway, deadline).await;
        }
        let number = attempt.number;
        self.events.advance(&order.id, |order| order.observed(number, &state)).await?;
        match state {
            PaymentState::Authorized { .. } => Ok(Visited::Authorized),
            PaymentState::Declined(code) => Err(declined(code)),
            PaymentState::ActionRequired => Err(StepError::PaymentActionRequired),
            PaymentState::Voided => Ok(Visited::Dead),
            PaymentState::Prepared | PaymentState::Undecided | PaymentState::Captured => {
                Err(StepError::Unavailable(format!("{} has not decided on the attempt yet", attempt.provider)))
            }
        }
    }

    /// Authorises, and reads what became of it unless the answer says so.
    async fn act(
        &self,
        order: &Order,
        attempt: &Attempt,
        gateway: &dyn PaymentGateway,
        fresh: Option<PaymentMethod>,
    ) -> Result<PaymentState, StepError> {
        let method = match fresh {
            Some(method) => method,
            None => self.method(order, attempt.number).await?,
        };
        if !is_hers(gateway, &method, order).await? {
            return Ok(PaymentState::Declined(NOT_HERS.into()));
        }
        match gateway.authorize(&order.id, &attempt.reference, &method.token).await {
            Ok(state) => Ok(state),
            Err(error) => {
                tracing::warn!(order_id = %order.id, attempt = attempt.number, %error, "the authorisation has no answer: reading it");
                Ok(gateway.read(&attempt.reference).await?)
            }
        }
    }

    /// The provider says that nothing was done, yet a request may still be on its way there: the attempt is given up for
    /// another method only by cancelling it, or it stays the one that is tried again.
    async fn not_done(
        &self,
        order: &Order,
        attempt: &Attempt,
        gateway: &dyn PaymentGateway,
        deadline: SystemTime,
    ) -> Result<Visited, StepError> {
        let stays = || StepError::Unavailable(format!("{} did not authorise the attempt; it is tried again", attempt.provider));
        if !self.is_time_for_another(deadline) {
            return Err(stays());
        }
        match order.abandon_payment(attempt.number) {
            Decision::NotAllowed(_) => Err(stays()),
            Decision::Append(_) | Decision::AlreadyDone => {
                let number = attempt.number;
                let abandoned = self.events.advance(&order.id, |order| order.abandon_payment(number)).await?;
                let attempt = abandoned.attempt(number).unwrap_or(attempt);
                self.cancel(&abandoned, attempt, gateway).await
            }
        }
    }

    /// Cancels an attempt that the events call abandoned. Only the provider's own word makes it dead.
    async fn cancel(&self, order: &Order, attempt: &Attempt, gateway: &dyn PaymentGateway) -> Result<Visited, StepError> {
        match gateway.void(&attempt.reference).await? {
            PaymentState::Voided => {
                let number = attempt.number;
                self.events.advance(&order.id, |order| order.void_payment(number)).await?;
                Ok(Visited::Dead)
            }
            state => Err(StepError::Unavailable(format!("{} did not cancel the attempt: {state:?}", attempt.provider))),
        }
    }

    /// The payment method of this attempt. If it was erased, the order is cancelled, unless it turns out to be paid.
    async fn method(&self, order: &Order, number: u32) -> Result<PaymentMethod, StepError> {
        let details = self.details.load(&order.id).await?;
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        if let Some(method) = details.and_then(|details| details.payment_methods.into_iter().nth(index)) {
            return Ok(method);
        }
        self.events.advance(&order.id, |order| order.cancel(Cancellation::DetailsErased)).await?;
        Err(StepError::NotAllowed("the order's payment token was erased, so the order is cancelled".into()))
    }
}

/// Whether she may pay with this method: known since the checkout, else asked now, before anything is charged.
async fn is_hers(gateway: &dyn PaymentGateway, method: &PaymentMethod, order: &Order) -> Result<bool, PaymentError> {
    if method.owner_known {
        return Ok(true);
    }
    Ok(match gateway.owner(&method.token).await? {
        MethodOwner::Bearer => true,
        MethodOwner::Customer { id, .. } => id == order.placed.customer_id,
        MethodOwner::Stranger => false,
    })
}

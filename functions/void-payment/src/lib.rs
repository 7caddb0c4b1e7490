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
    pub request_life: SignedDuration,
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
                if can_never_act(order, attempt, self.request_life, Timestamp::now()) => {}
            state => return Err(StepError::Unavailable(format!("{} did not void the attempt: {state:?}", attempt.provider))),
        }
        self.events.advance(&order.id, |order| order.void_payment(attempt.number)).await?;
        Ok(())
    }
}

/// An attempt that its provider cannot cancel is watched until nothing that could authorise it lives any more. That makes it
/// dead for the order's end only: never for another method. One that was authorised holds money until its provider says
/// otherwise.
fn can_never_act(order: &Order, attempt: &Attempt, life: SignedDuration, now: Timestamp) -> bool {
    let old = |ended: Timestamp| now.duration_since(ended) > life;
    let held = matches!(attempt.answer, Some(PaymentAnswer::Authorized { .. }));
    !held && !attempt.provider.cancels_unauthorized() && order.ended_at().is_some_and(old)
}

fn owed(order: &Order) -> Vec<&Attempt> {
    let numbers = order.owes().into_iter().filter_map(|owed| match owed {
        Owed::Void { attempt } => Some(attempt),
        _ => None,
    });
    numbers.filter_map(|number| order.attempt(number)).collect()
}

#[cfg(test)]
mod tests {
    use shared::domain::{
        event::{Cancellation, Event, Fact, Line, OrderPlaced, Provider},
        ids::CustomerId,
        money::{Currency, Money},
    };

    use super::*;

    /// An order with one attempt at this provider, of which this was heard, if anything; cancelled.
    fn cancelled(provider: Provider, heard: Option<Fact>) -> Order {
        let price = Money { amount: 4599, currency: Currency::USD };
        let placed = OrderPlaced {
            customer_id: CustomerId("kareem".into()),
            fingerprint: "f".into(),
            items: vec![Line { sku: "mug".parse().unwrap(), name: "Mug".into(), quantity: 1, unit_price: price }],
            total: price,
            payment_methods: vec![provider],
        };
        let prepared = Fact::PaymentPrepared { attempt: 1, provider, reference: "5O1".into() };
        let facts = [Fact::OrderPlaced(placed), prepared].into_iter().chain(heard);
        let facts = facts.chain([Fact::OrderCancelled { reason: Cancellation::CustomerRequest }]);
        let order_id: shared::domain::ids::OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let event = |(sequence, fact)| Event { order_id: order_id.clone(), sequence, at: Timestamp::UNIX_EPOCH, fact };
        Order::from_events(&(1..).zip(facts).map(event).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn only_what_paypal_never_held_is_dead_by_age_and_only_after_its_hour() {
        let hour = SignedDuration::from_hours(1);
        let is_dead = |provider, heard, seconds| {
            let order = cancelled(provider, heard);
            can_never_act(&order, &order.attempts()[0], hour, Timestamp::from_second(seconds).unwrap())
        };
        let declined = || Some(Fact::PaymentDeclined { attempt: 1, decline_code: "5120".into() });
        for heard in [None, Some(Fact::PaymentActionRequired { attempt: 1 }), declined()] {
            assert!(!is_dead(Provider::Paypal, heard.clone(), 3600), "{heard:?}");
            assert!(is_dead(Provider::Paypal, heard.clone(), 3601), "{heard:?}");
            assert!(!is_dead(Provider::Stripe, heard, 360_000), "Stripe cancels it");
        }
        let authorized = Some(Fact::PaymentAuthorized { attempt: 1, capture_before: None });
        assert!(!is_dead(Provider::Paypal, authorized, 360_000), "it holds money, however old it is");
    }
}

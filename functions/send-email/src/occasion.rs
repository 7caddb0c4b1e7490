//! Which events she is written to about. Pure: decided from the order's history up to the event, and from what is true by now.
//!
//! A letter that is no longer true is not written: no confirmation of an order that was cancelled meanwhile, no request
//! to confirm a payment that waits no more. What she saw happen in the shop is not repeated by mail.

use shared::domain::{
    event::{Cancellation, Event, Fact, Rejection},
    ids::RefundId,
    order::{Order, Outcome, RefundProgress},
};

/// Why she is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion<'e> {
    /// Her order stands.
    Confirmed,
    /// It was cancelled, whoever wanted it.
    Cancelled(Cancellation),
    /// Her click was over, and then it failed.
    Rejected(&'e Rejection),
    /// Her bank or wallet waits for her, and she is not in front of the page any more, or may never have been told there.
    ActionRequired,
    /// Money went back that no other letter announced.
    Refunded(&'e RefundId),
}

impl<'e> Occasion<'e> {
    /// The occasion that the last of these events is; `now` is the order as it is by now.
    ///
    /// A rejection and a request to confirm reach by mail only those whose click was over before it came to that, and a request
    /// those whose click may have been answered by nobody: the others read it on the page. A refund that began after the order was cancelled was announced, with its amount, by the
    /// letter about the cancellation: she would take a second one for a second refund.
    pub fn of(until: &'e [Event], now: &Order) -> Option<Self> {
        let was_deferred = until.iter().any(|event| matches!(event.fact, Fact::PaymentDeferred { .. }));
        match &until.last()?.fact {
            Fact::OrderConfirmed { .. } if matches!(now.outcome(), Outcome::Confirmed { .. }) => Some(Self::Confirmed),
            Fact::OrderCancelled { reason } => Some(Self::Cancelled(*reason)),
            Fact::OrderRejected { reason } if was_deferred => Some(Self::Rejected(reason)),
            Fact::PaymentActionRequired { attempt } => (was_deferred && waits(now, *attempt)).then_some(Self::ActionRequired),
            // Of an attempt that asks for her later, the event that says so tells her.
            Fact::PaymentDeferred { unanswered: true } => {
                let asks = |event: &Event| matches!(event.fact, Fact::PaymentActionRequired { attempt } if waits(now, attempt));
                until.iter().any(asks).then_some(Self::ActionRequired)
            }
            Fact::PaymentRefunded { refund } => {
                let arrived = now.refund(refund).is_some_and(|known| known.progress == RefundProgress::Refunded);
                (arrived && !began_after_cancellation(until, refund)).then_some(Self::Refunded(refund))
            }
            _ => None,
        }
    }

    /// Its name in logs, and what the claim on it stands for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmation",
            Self::Cancelled(_) => "cancellation",
            Self::Rejected(_) => "rejection",
            Self::ActionRequired => "request to confirm the payment",
            Self::Refunded(_) => "note of the refund",
        }
    }
}

/// Whether this attempt waits for her by now.
fn waits(now: &Order, attempt: u32) -> bool {
    now.awaited_action().is_some_and(|awaited| awaited.number == attempt)
}

fn began_after_cancellation(events: &[Event], refund: &RefundId) -> bool {
    let ending = |event: &&Event| match &event.fact {
        Fact::OrderCancelled { .. } => true,
        Fact::RefundStarted { refund: started, .. } => started == refund,
        _ => false,
    };
    events.iter().find(ending).is_some_and(|first| matches!(first.fact, Fact::OrderCancelled { .. }))
}

//! What is still to be done for an order: what its settlement asks, until the answer is nothing.

use jiff::{SignedDuration, Timestamp};

use super::{Capture, Order, Outcome, PaymentAnswer, Refund, RefundProgress, Stock};
use crate::domain::event::{Cancellation, Rejection};

/// After so many refunds of a cancelled order that failed a person must look: an alarm says so.
const MOST_FAILED_REFUNDS: u32 = 5;

/// So many times as long as before it an order waits after each further refund that failed.
const REFUND_PAUSE_GROWS: i32 = 3;

/// What is still to be done for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Hold the stock.
    Reserve,
    /// Make an attempt, or resolve the one that was prepared.
    Authorize {
        /// Which attempt; another one, when this method cannot be prepared.
        attempt: u32,
    },
    /// The payment is authorised: write the outcome.
    Confirm,
    /// The payment was declined: write the outcome.
    Reject(Rejection),
    /// Nothing more can come of it: write the outcome.
    Cancel(Cancellation),
    /// See that the attempt is dead at the provider.
    Void {
        /// Which attempt.
        attempt: u32,
    },
    /// Give the stock back.
    Release,
    /// Take the money that the confirmed attempt holds.
    Capture {
        /// Which attempt.
        attempt: u32,
    },
    /// Give money back, or see what became of it.
    Refund,
}

/// How long an order waits before it gives up.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For a payment to come about at all, since the order was placed.
    pub payment: SignedDuration,
    /// For the customer to authenticate or approve, since she was asked to.
    pub action: SignedDuration,
}

impl Order {
    /// What is still to be done. Undoing comes as a set: none of it waits for another.
    pub fn owes(&self) -> Vec<Owed> {
        match &self.outcome {
            Outcome::Open => self.next_step(),
            Outcome::Confirmed { attempt } => match self.capture {
                Capture::NotStarted | Capture::Started => vec![Owed::Capture { attempt: *attempt }],
                Capture::Captured => self.refund_step().into_iter().collect(),
                Capture::Failed => vec![Owed::Cancel(Cancellation::AuthorizationLapsed)],
            },
            Outcome::Rejected(_) | Outcome::Cancelled(_) => {
                let release = (self.stock == Stock::Held).then_some(Owed::Release);
                self.voids().chain(release).chain(self.refund_step()).collect()
            }
        }
    }

    /// What is to be done at this time: as [`owes`](Self::owes), but an order whose payment did not come about by its
    /// deadline is cancelled instead of tried again.
    pub fn owes_at(&self, now: Timestamp, deadlines: &Deadlines) -> Vec<Owed> {
        let owed = self.owes();
        let gives_up = |owed: &Owed| matches!(owed, Owed::Reserve | Owed::Authorize { .. } | Owed::Void { .. });
        if self.outcome == Outcome::Open && now >= self.gives_up_at(deadlines) && owed.iter().any(gives_up) {
            return vec![Owed::Cancel(Cancellation::PaymentTimedOut)];
        }
        owed
    }

    /// When an open order is given up.
    pub fn gives_up_at(&self, deadlines: &Deadlines) -> Timestamp {
        let asked = self.awaited_action().and_then(|attempt| attempt.asked_at).map(|asked_at| (asked_at, deadlines.action));
        let (since, after) = asked.unwrap_or((self.placed_at, deadlines.payment));
        since.saturating_add(after).unwrap_or(Timestamp::MAX)
    }

    /// It has ended and owes nothing: nothing will ever happen to it by itself.
    pub fn is_closed(&self) -> bool {
        let ended = self.is_dead() || self.capture == Capture::Captured;
        ended && self.owes().is_empty()
    }

    /// It has ended, and no money of it is still to be moved or freed.
    pub fn is_settled(&self) -> bool {
        let ended = self.is_dead() || self.capture == Capture::Captured;
        ended && self.owes().iter().all(|owed| *owed == Owed::Release)
    }

    /// It may still be charged, so its payment tokens are still needed.
    pub fn is_open(&self) -> bool {
        self.outcome == Outcome::Open
    }

    pub(super) fn owes_cancellation_refund(&self) -> bool {
        let failed = self.failed_cancellation_refunds();
        // After a failure the next waits; who only looks after another refund meanwhile does not begin it.
        let may_begin = failed < MOST_FAILED_REFUNDS && (failed == 0 || !self.refund_is_under_way());
        matches!(self.outcome, Outcome::Cancelled(_)) && self.refundable().amount > 0 && may_begin
    }

    /// How many refunds of the cancellation failed.
    pub fn failed_cancellation_refunds(&self) -> u32 {
        self.failed_of_cancellation().map(|_| 1).sum()
    }

    fn failed_of_cancellation(&self) -> impl Iterator<Item = &Refund> {
        let own = self.refunds.iter().filter(|refund| refund.is_of_cancellation);
        own.filter(|refund| refund.progress == RefundProgress::Failed)
    }

    /// Until when a cancelled order begins no other refund, since whatever refused the last one may pass: so long after the
    /// first that failed, three times as long after the second, and so on. Nothing, when none failed or one is under way: that one
    /// is looked after, and the next is not begun meanwhile.
    pub fn refund_pauses_until(&self, first: SignedDuration) -> Option<Timestamp> {
        let pause = first * REFUND_PAUSE_GROWS.saturating_pow(self.failed_cancellation_refunds().checked_sub(1)?);
        let last = self.failed_of_cancellation().filter_map(|refund| refund.failed_at).max()?;
        if self.refund_is_under_way() { None } else { last.saturating_add(pause).ok() }
    }

    fn refund_is_under_way(&self) -> bool {
        self.refunds.iter().any(|refund| refund.progress == RefundProgress::Started)
    }

    fn refund_step(&self) -> Option<Owed> {
        (self.refund_is_under_way() || self.owes_cancellation_refund()).then_some(Owed::Refund)
    }

    fn voids(&self) -> impl Iterator<Item = Owed> {
        let unwanted = self.attempts.iter().filter(|attempt| self.may_void(attempt));
        unwanted.map(|attempt| Owed::Void { attempt: attempt.number })
    }

    fn next_step(&self) -> Vec<Owed> {
        if self.stock != Stock::Held {
            return vec![Owed::Reserve];
        }
        // What was given up must be dead before another method is tried.
        let voids: Vec<_> = self.voids().collect();
        if !voids.is_empty() {
            return voids;
        }
        let Some(attempt) = self.live_attempt() else {
            let next = self.untried_methods().next();
            return vec![next.map_or(Owed::Cancel(Cancellation::PaymentUnavailable), |(attempt, _)| Owed::Authorize { attempt })];
        };
        vec![match &attempt.answer {
            None | Some(PaymentAnswer::ActionRequired) => Owed::Authorize { attempt: attempt.number },
            Some(PaymentAnswer::Authorized { .. }) => Owed::Confirm,
            Some(PaymentAnswer::Declined(code)) => Owed::Reject(Rejection::PaymentDeclined { decline_code: code.clone() }),
        }]
    }
}

//! An order is its events: [`Order::from_events`] folds them, its commands decide what may be appended, and [`Order::owes`] says
//! what is still to be done.
//!
//! Commands are the *decide* half, [`Order::evolve`] the other. Whoever decided on old events loses at the wall (the
//! conditional put of the next sequence), loads again and decides again; so a rule here holds for every interleaving.

mod commands;
mod owed;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use self::{
    commands::{Decision, Refusal},
    owed::{Deadlines, Owed},
};
use super::{
    event::{Cancellation, Event, Fact, Line, OrderPlaced, Provider, Rejection},
    ids::{OrderId, RefundId, Sku},
    money::Money,
};

/// An order as its events make it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// Its identity.
    pub id: OrderId,
    /// The last event's.
    pub sequence: u32,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// As it was taken.
    pub placed: OrderPlaced,
    stock: Stock,
    attempts: Vec<Attempt>,
    outcome: Outcome,
    /// The attempt that `OrderConfirmed` named, which a later cancel does not take back.
    confirmed: Option<u32>,
    capture: Capture,
    refunds: Vec<Refund>,
    deferred: bool,
    ended_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stock {
    NotHeld,
    Held,
    Released,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Capture {
    NotStarted,
    Started,
    Captured,
    Failed,
}

/// One try to be paid, with one payment method: attempt n uses the n-th.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// 1 for the first payment method.
    pub number: u32,
    /// Who charges.
    pub provider: Provider,
    /// The provider's name for it.
    pub reference: String,
    /// What the provider said, if its answer was heard.
    pub answer: Option<PaymentAnswer>,
    /// It was given up for another method: it is never authorised any more.
    pub abandoned: bool,
    /// The provider says that it is dead.
    pub voided: bool,
    /// When she was asked to confirm it.
    pub asked_at: Option<Timestamp>,
}

/// What a provider said of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PaymentAnswer {
    /// It waits for the customer.
    ActionRequired,
    /// The money is held.
    Authorized {
        /// Until when it can be captured.
        capture_before: Option<Timestamp>,
    },
    /// The method was refused, with the provider's own code.
    Declined(String),
}

/// Money that goes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refund {
    /// Its identity.
    pub id: RefundId,
    /// How much.
    pub amount: Money,
    /// What became of it.
    pub progress: RefundProgress,
    /// It began after the order was cancelled.
    pub is_of_cancellation: bool,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When it was heard that it failed.
    pub failed_at: Option<Timestamp>,
}

impl Refund {
    /// The idempotency key that the provider may be sent now for a refund that was looked up and is nowhere. A provider
    /// answers a key with the error that it saved for it, for weeks; another key may be used only when nothing acts any more
    /// that was sent under the one before. So each key serves for the life of a request, then none for as long.
    #[must_use]
    pub fn key_at(&self, now: Timestamp, request_life: SignedDuration) -> Option<String> {
        let age = now.duration_since(self.started_at).as_millis().max(0);
        match age / request_life.as_millis().max(1) {
            0 => Some(self.id.to_string()),
            lives if lives % 2 == 0 => Some(format!("{}-{lives}", self.id)),
            _ => None,
        }
    }
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundProgress {
    /// Asked for; its outcome is not known.
    Started,
    /// The provider gave it back.
    Refunded,
    /// It did not come about.
    Failed,
}

/// How the order came out: what was written first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Not decided yet.
    Open,
    /// It stands, paid by this attempt.
    Confirmed {
        /// The one attempt that may ever be captured.
        attempt: u32,
    },
    /// It is dead: something was refused.
    Rejected(Rejection),
    /// It is dead, though nothing was refused.
    Cancelled(Cancellation),
}

/// An order's status as a customer reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Taken, not decided.
    Pending,
    /// Taken; its payment takes longer than the click.
    PaymentPending,
    /// It stands.
    Confirmed,
    /// It stands, and its money was taken.
    Paid,
    /// It is dead, nothing is charged.
    Rejected,
    /// It is dead; what was charged goes back.
    Cancelled,
}

/// How much of a paid order goes, or went, back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Nothing.
    None,
    /// Some of it.
    Partial,
    /// All of it.
    Full,
}

/// Events that are not an order's history.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidHistory {
    /// There are none.
    #[error("there is no such order")]
    Empty,
    /// The first is not `OrderPlaced`.
    #[error("the first event is not OrderPlaced")]
    NotPlaced,
    /// A sequence is missing or another order's.
    #[error("event {found} stands where {expected} should")]
    Gap {
        /// The sequence that should follow.
        expected: u32,
        /// The one that does.
        found: u32,
    },
    /// An event names an attempt that was never prepared.
    #[error("event {0} names a payment attempt that was never prepared")]
    UnknownAttempt(u32),
    /// An event names a refund that was never started.
    #[error("event {0} names a refund that was never started")]
    UnknownRefund(u32),
}

impl Order {
    /// The order that these events make, oldest first.
    ///
    /// # Errors
    /// [`InvalidHistory`], when they are not one order's whole history.
    pub fn from_events(events: &[Event]) -> Result<Self, InvalidHistory> {
        let (first, rest) = events.split_first().ok_or(InvalidHistory::Empty)?;
        let Fact::OrderPlaced(placed) = &first.fact else { return Err(InvalidHistory::NotPlaced) };
        if first.sequence != 1 {
            return Err(InvalidHistory::Gap { expected: 1, found: first.sequence });
        }
        let mut order = Self {
            id: first.order_id.clone(),
            sequence: 1,
            placed_at: first.at,
            placed: placed.clone(),
            stock: Stock::NotHeld,
            attempts: Vec::new(),
            outcome: Outcome::Open,
            confirmed: None,
            capture: Capture::NotStarted,
            refunds: Vec::new(),
            deferred: false,
            ended_at: None,
        };
        for event in rest {
            order.evolve(event)?;
        }
        Ok(order)
    }

    /// The next event happened.
    ///
    /// # Errors
    /// [`InvalidHistory`], when it does not follow on the events so far.
    pub fn evolve(&mut self, event: &Event) -> Result<(), InvalidHistory> {
        let expected = self.sequence + 1;
        if event.sequence != expected || event.order_id != self.id {
            return Err(InvalidHistory::Gap { expected, found: event.sequence });
        }
        match &event.fact {
            Fact::OrderPlaced(_) => return Err(InvalidHistory::Gap { expected, found: 1 }),
            Fact::InventoryReserved {} => self.stock = Stock::Held,
            Fact::InventoryReleased {} => self.stock = Stock::Released,
            Fact::PaymentDeferred { .. } => self.deferred = true,
            Fact::PaymentPrepared { attempt, provider, reference } => self.attempts.push(Attempt {
                number: *attempt,
                provider: *provider,
                reference: reference.clone(),
                answer: None,
                abandoned: false,
                voided: false,
                asked_at: None,
            }),
            Fact::PaymentActionRequired { attempt } => {
                let asked = self.attempt_mut(*attempt, event)?;
                asked.answer = Some(PaymentAnswer::ActionRequired);
                asked.asked_at = Some(event.at);
            }
            Fact::PaymentAuthorized { attempt, capture_before } => {
                let answer = PaymentAnswer::Authorized { capture_before: *capture_before };
                self.attempt_mut(*attempt, event)?.answer = Some(answer);
            }
            Fact::PaymentDeclined { attempt, decline_code } => {
                self.attempt_mut(*attempt, event)?.answer = Some(PaymentAnswer::Declined(decline_code.clone()));
            }
            Fact::PaymentAbandoned { attempt } => self.attempt_mut(*attempt, event)?.abandoned = true,
            Fact::PaymentVoided { attempt } => self.attempt_mut(*attempt, event)?.voided = true,
            Fact::OrderConfirmed { attempt } => {
                self.confirmed = Some(*attempt);
                self.outcome = Outcome::Confirmed { attempt: *attempt };
            }
            Fact::OrderRejected { reason } => self.end(Outcome::Rejected(reason.clone()), event.at),
            Fact::OrderCancelled { reason } => self.end(Outcome::Cancelled(*reason), event.at),
            Fact::CaptureStarted { .. } => self.capture = Capture::Started,
            Fact::PaymentCaptured { .. } => {
                self.capture = Capture::Captured;
                self.ended_at = Some(event.at);
            }
            Fact::CaptureFailed { .. } => self.capture = Capture::Failed,
            Fact::RefundStarted { refund, amount } => {
                self.refunds.push(Refund {
                    id: refund.clone(),
                    amount: *amount,
                    progress: RefundProgress::Started,
                    is_of_cancellation: matches!(self.outcome, Outcome::Cancelled(_)),
                    started_at: event.at,
                    failed_at: None,
                });
            }
            Fact::PaymentRefunded { refund } => self.refund_mut(refund, event)?.progress = RefundProgress::Refunded,
            Fact::RefundFailed { refund, .. } => {
                let failed = self.refund_mut(refund, event)?;
                failed.progress = RefundProgress::Failed;
                failed.failed_at = Some(event.at);
            }
        }
        self.sequence = event.sequence;
        Ok(())
    }

    fn end(&mut self, outcome: Outcome, at: Timestamp) {
        self.outcome = outcome;
        self.ended_at = Some(at);
    }

    fn attempt_mut(&mut self, number: u32, event: &Event) -> Result<&mut Attempt, InvalidHistory> {
        let found = self.attempts.iter_mut().find(|attempt| attempt.number == number);
        found.ok_or(InvalidHistory::UnknownAttempt(event.sequence))
    }

    fn refund_mut(&mut self, id: &RefundId, event: &Event) -> Result<&mut Refund, InvalidHistory> {
        self.refunds.iter_mut().find(|refund| refund.id == *id).ok_or(InvalidHistory::UnknownRefund(event.sequence))
    }

    /// How it came out.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The status that a customer reads.
    pub fn status(&self) -> Status {
        match self.outcome {
            Outcome::Open if self.deferred || self.awaited_action().is_some() => Status::PaymentPending,
            Outcome::Open => Status::Pending,
            Outcome::Confirmed { .. } if self.capture == Capture::Captured => Status::Paid,
            Outcome::Confirmed { .. } => Status::Confirmed,
            Outcome::Rejected(_) => Status::Rejected,
            Outcome::Cancelled(_) => Status::Cancelled,
        }
    }

    /// The click was over before the order came out, which goes on by itself.
    pub fn was_deferred(&self) -> bool {
        self.deferred
    }

    /// When it was rejected or cancelled, else when it was paid.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// The payment attempts, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The attempt with this number, if it was prepared.
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    /// The attempt that the provider knows by this reference.
    pub fn attempt_by_reference(&self, provider: Provider, reference: &str) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.provider == provider && attempt.reference == reference)
    }

    /// The one attempt that is not dead, if there is one: another is made only when it is.
    pub fn live_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| !attempt.voided)
    }

    /// The payment methods that were never prepared, by their attempt's number, in her order of preference.
    pub fn untried_methods(&self) -> impl Iterator<Item = (u32, Provider)> {
        let numbered = (1_u32..).zip(self.placed.payment_methods.iter().copied());
        numbered.filter(|(number, _)| self.attempt(*number).is_none())
    }

    /// The attempt that waits for the customer, while the order does.
    pub fn awaited_action(&self) -> Option<&Attempt> {
        let waits = |attempt: &&Attempt| attempt.answer == Some(PaymentAnswer::ActionRequired) && !attempt.abandoned;
        self.live_attempt().filter(|_| self.outcome == Outcome::Open).filter(waits)
    }

    /// The attempt whose money was taken.
    pub fn captured_attempt(&self) -> Option<u32> {
        self.confirmed.filter(|_| self.capture == Capture::Captured)
    }

    /// Until when the confirmed order's money can be taken, while it is not.
    pub fn capture_before(&self) -> Option<Timestamp> {
        let Outcome::Confirmed { attempt } = self.outcome else { return None };
        match self.attempt(attempt)?.answer {
            Some(PaymentAnswer::Authorized { capture_before }) if self.capture != Capture::Captured => capture_before,
            _ => None,
        }
    }

    /// What goes or went back, oldest first.
    pub fn refunds(&self) -> &[Refund] {
        &self.refunds
    }

    /// The refund with this id.
    pub fn refund(&self, id: &RefundId) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == *id)
    }

    /// How much of what was taken is neither given back nor being given back.
    pub fn refundable(&self) -> Money {
        let gone = self.refunds.iter().filter(|refund| refund.progress != RefundProgress::Failed);
        let gone: u64 = gone.map(|refund| refund.amount.amount).sum();
        let captured = if self.capture == Capture::Captured { self.placed.total.amount } else { 0 };
        Money { amount: captured.saturating_sub(gone), ..self.placed.total }
    }

    /// How much of it goes, or went, back.
    pub fn refund_status(&self) -> RefundStatus {
        if self.refunds.iter().all(|refund| refund.progress == RefundProgress::Failed) {
            RefundStatus::None
        } else if self.refundable().amount == 0 {
            RefundStatus::Full
        } else {
            RefundStatus::Partial
        }
    }

    /// Each SKU with how many of it all lines need together.
    pub fn quantities(&self) -> BTreeMap<&Sku, u32> {
        quantities(&self.placed.items)
    }

    /// The event that would follow now.
    pub fn next_event(&self, fact: Fact, at: Timestamp) -> Event {
        Event { order_id: self.id.clone(), sequence: self.sequence + 1, at, fact }
    }
}

/// Each SKU with how many of it these lines need together.
pub fn quantities(lines: &[Line]) -> BTreeMap<&Sku, u32> {
    let mut sums = BTreeMap::new();
    for line in lines {
        *sums.entry(&line.sku).or_insert(0) += line.quantity;
    }
    sums
}

/// The sum of the lines.
///
/// # Errors
/// [`SumError`](super::money::SumError), when the lines mix currencies or the sum leaves the range. No lines are [`None`].
pub fn total(lines: &[Line]) -> Result<Option<Money>, super::money::SumError> {
    let mut sum: Option<Money> = None;
    for line in lines {
        let of_line = line.unit_price.times(line.quantity)?;
        sum = Some(match sum {
            None => of_line,
            Some(so_far) => so_far.plus(of_line)?,
        });
    }
    Ok(sum)
}

#[cfg(test)]
mod tests;

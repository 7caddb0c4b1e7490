//! An order is its events: [`Order::from_events`] folds them, and each command answers what may be appended.
//!
//! Commands are the *decide* half, [`Order::evolve`] the other. Whoever decided on old events loses at the wall (the
//! conditional put of the next sequence), loads again and decides again; so a rule here holds for every interleaving.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    event::{Event, Fact, Line, OrderPlaced, Provider, Rejection},
    ids::{OrderId, Sku},
    money::Money,
};

/// An order as its events make it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stock {
    NotHeld,
    Held,
    Released,
}

/// One try to be paid, with one payment method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// Who charges.
    pub provider: Provider,
    /// The provider's name for it.
    pub reference: String,
    /// What the provider said, if its answer was heard.
    pub answer: Option<PaymentAnswer>,
    /// The provider says that it is dead.
    pub voided: bool,
}

/// What a provider said of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentAnswer {
    /// The money is held.
    Authorized,
    /// The method was refused, with the provider's own code.
    Declined(String),
}

/// How the order came out: what was written first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not decided yet.
    Open,
    /// It stands, paid by this attempt.
    Confirmed {
        /// The one attempt that may ever be captured.
        attempt: u32,
    },
    /// It is dead.
    Rejected(Rejection),
}

/// An order's status as a customer reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Taken, not decided.
    Pending,
    /// It stands.
    Confirmed,
    /// It is dead, nothing is charged.
    Rejected,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Append this event.
    Append(Fact),
    /// Its event, or one that implies it, is there: a repeat, and harmless.
    AlreadyDone,
    /// The order's history forbids it.
    NotAllowed(Refusal),
}

/// Why a command is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Rejected: nothing may go forward any more.
    #[error("the order is rejected")]
    Rejected,
    /// Confirmed: nothing that it rests on may be undone.
    #[error("the order is confirmed")]
    Confirmed,
    /// Not rejected: undoing follows a decision and never comes before it.
    #[error("the order is not rejected, so nothing of it is undone")]
    NotRejected,
    /// Payment begins only when the stock is held.
    #[error("the stock is not reserved")]
    StockNotReserved,
    /// An order that holds its stock does not fail for lack of it.
    #[error("the stock is reserved, so the order is not out of stock")]
    StockReserved,
    /// Not the attempt that is due.
    #[error("this payment attempt is not the one that is due")]
    NotTheDueAttempt,
    /// No attempt is authorised.
    #[error("no payment is authorised")]
    NotAuthorized,
    /// No attempt was declined with this code.
    #[error("no payment was declined with this code")]
    NotDeclined,
}

/// What is still to be done for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Hold the stock.
    Reserve,
    /// Make attempt n, or resolve it if it was prepared.
    Authorize {
        /// Which attempt.
        attempt: u32,
    },
    /// The payment is authorised: write the outcome.
    Confirm,
    /// The payment was declined: write the outcome.
    Reject(Rejection),
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
            Fact::PaymentPrepared { attempt, provider, reference } => self.attempts.push(Attempt {
                number: *attempt,
                provider: *provider,
                reference: reference.clone(),
                answer: None,
                voided: false,
            }),
            Fact::PaymentAuthorized { attempt } => {
                self.attempt_mut(*attempt, event)?.answer = Some(PaymentAnswer::Authorized);
            }
            Fact::PaymentDeclined { attempt, decline_code } => {
                self.attempt_mut(*attempt, event)?.answer = Some(PaymentAnswer::Declined(decline_code.clone()));
            }
            Fact::PaymentVoided { attempt } => self.attempt_mut(*attempt, event)?.voided = true,
            Fact::OrderConfirmed { attempt } => self.outcome = Outcome::Confirmed { attempt: *attempt },
            Fact::OrderRejected { reason } => self.outcome = Outcome::Rejected(reason.clone()),
        }
        self.sequence = event.sequence;
        Ok(())
    }

    fn attempt_mut(&mut self, number: u32, event: &Event) -> Result<&mut Attempt, InvalidHistory> {
        let found = self.attempts.iter_mut().find(|attempt| attempt.number == number);
        found.ok_or(InvalidHistory::UnknownAttempt(event.sequence))
    }

    /// How it came out.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The status that a customer reads.
    pub fn status(&self) -> Status {
        match self.outcome {
            Outcome::Open => Status::Pending,
            Outcome::Confirmed { .. } => Status::Confirmed,
            Outcome::Rejected(_) => Status::Rejected,
        }
    }

    /// The payment attempts, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The attempt with this number, if it was prepared.
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    /// Each SKU with how many of it all lines need together.
    pub fn quantities(&self) -> BTreeMap<&Sku, u32> {
        quantities(&self.placed.items)
    }

    /// The event that would follow now.
    pub fn next_event(&self, fact: Fact, at: Timestamp) -> Event {
        Event { order_id: self.id.clone(), sequence: self.sequence + 1, at, fact }
    }

    /// Hold every line's stock. Undone by [`Order::release`].
    pub fn reserve(&self) -> Decision {
        match (&self.outcome, self.stock) {
            (_, Stock::Held) => Decision::AlreadyDone,
            (Outcome::Rejected(_), _) => Decision::NotAllowed(Refusal::Rejected),
            _ => Decision::Append(Fact::InventoryReserved {}),
        }
    }

    /// Give the stock back: owed once the order is rejected, and never before. What was never held is released already,
    /// for `OrderRejected` stands in the way of any reservation that wakes up late.
    pub fn release(&self) -> Decision {
        match (&self.outcome, self.stock) {
            (Outcome::Rejected(_), Stock::Held) => Decision::Append(Fact::InventoryReleased {}),
            (Outcome::Rejected(_), _) => Decision::AlreadyDone,
            _ => Decision::NotAllowed(Refusal::NotRejected),
        }
    }

    /// Name the provider's object of the attempt that is due, before anything acts on it.
    pub fn prepare_payment(&self, attempt: u32, provider: Provider, reference: &str) -> Decision {
        if self.attempt(attempt).is_some() {
            return Decision::AlreadyDone;
        }
        match self.forward() {
            Err(refusal) => Decision::NotAllowed(refusal),
            Ok(()) if attempt != self.due_attempt() => Decision::NotAllowed(Refusal::NotTheDueAttempt),
            Ok(()) => Decision::Append(Fact::PaymentPrepared { attempt, provider, reference: reference.to_owned() }),
        }
    }

    /// The provider holds the money. Undone by [`Order::void_payment`].
    pub fn authorize_payment(&self, attempt: u32) -> Decision {
        self.record_answer(attempt, PaymentAnswer::Authorized, Fact::PaymentAuthorized { attempt })
    }

    /// The provider refused.
    pub fn decline_payment(&self, attempt: u32, decline_code: &str) -> Decision {
        let fact = Fact::PaymentDeclined { attempt, decline_code: decline_code.to_owned() };
        self.record_answer(attempt, PaymentAnswer::Declined(decline_code.to_owned()), fact)
    }

    fn record_answer(&self, attempt: u32, answer: PaymentAnswer, fact: Fact) -> Decision {
        match self.attempt(attempt) {
            Some(known) if known.answer == Some(answer) => Decision::AlreadyDone,
            None | Some(Attempt { answer: Some(_), .. }) => Decision::NotAllowed(Refusal::NotTheDueAttempt),
            Some(Attempt { answer: None, .. }) => match self.forward() {
                Err(refusal) => Decision::NotAllowed(refusal),
                Ok(()) => Decision::Append(fact),
            },
        }
    }

    /// The provider says that the attempt is dead: owed for every attempt of a rejected order, a declined one too, since
    /// a declined payment can be confirmed again.
    pub fn void_payment(&self, attempt: u32) -> Decision {
        match (&self.outcome, self.attempt(attempt)) {
            (Outcome::Rejected(_), Some(Attempt { voided: true, .. })) => Decision::AlreadyDone,
            (Outcome::Rejected(_), Some(_)) => Decision::Append(Fact::PaymentVoided { attempt }),
            (Outcome::Rejected(_), None) => Decision::NotAllowed(Refusal::NotTheDueAttempt),
            _ => Decision::NotAllowed(Refusal::NotRejected),
        }
    }

    /// The order stands: its stock is held and its payment is authorised. Excludes [`Order::reject`].
    pub fn confirm(&self) -> Decision {
        if let Outcome::Confirmed { .. } = self.outcome {
            return Decision::AlreadyDone;
        }
        match (self.forward(), self.authorized_attempt()) {
            (Err(refusal), _) => Decision::NotAllowed(refusal),
            (Ok(()), None) => Decision::NotAllowed(Refusal::NotAuthorized),
            (Ok(()), Some(attempt)) => Decision::Append(Fact::OrderConfirmed { attempt }),
        }
    }

    /// The order is dead. Excludes [`Order::confirm`].
    pub fn reject(&self, reason: &Rejection) -> Decision {
        match (&self.outcome, reason) {
            (Outcome::Rejected(_), _) => Decision::AlreadyDone,
            (Outcome::Confirmed { .. }, _) => Decision::NotAllowed(Refusal::Confirmed),
            (Outcome::Open, Rejection::OutOfStock { .. }) if self.stock != Stock::NotHeld => {
                Decision::NotAllowed(Refusal::StockReserved)
            }
            (Outcome::Open, Rejection::PaymentDeclined { decline_code }) if self.declined_with() != Some(decline_code) => {
                Decision::NotAllowed(Refusal::NotDeclined)
            }
            (Outcome::Open, _) => Decision::Append(Fact::OrderRejected { reason: reason.clone() }),
        }
    }

    /// What is still to be done. Undoing comes as a set: none of it waits for another.
    pub fn owes(&self) -> Vec<Owed> {
        match &self.outcome {
            Outcome::Open => vec![self.next_step()],
            Outcome::Confirmed { attempt } => vec![Owed::Capture { attempt: *attempt }],
            Outcome::Rejected(_) => {
                let live = self.attempts.iter().filter(|attempt| !attempt.voided);
                let voids = live.map(|attempt| Owed::Void { attempt: attempt.number });
                voids.chain((self.stock == Stock::Held).then_some(Owed::Release)).collect()
            }
        }
    }

    fn next_step(&self) -> Owed {
        if self.stock != Stock::Held {
            return Owed::Reserve;
        }
        match self.attempts.last().and_then(|attempt| attempt.answer.as_ref()) {
            None => Owed::Authorize { attempt: self.due_attempt() },
            Some(PaymentAnswer::Authorized) => Owed::Confirm,
            Some(PaymentAnswer::Declined(code)) => Owed::Reject(Rejection::PaymentDeclined { decline_code: code.clone() }),
        }
    }

    /// The attempt that payment is about: the last, else the first.
    fn due_attempt(&self) -> u32 {
        self.attempts.last().map_or(1, |attempt| attempt.number)
    }

    fn forward(&self) -> Result<(), Refusal> {
        match (&self.outcome, self.stock) {
            (Outcome::Rejected(_), _) => Err(Refusal::Rejected),
            (Outcome::Confirmed { .. }, _) => Err(Refusal::Confirmed),
            (Outcome::Open, Stock::Held) => Ok(()),
            (Outcome::Open, _) => Err(Refusal::StockNotReserved),
        }
    }

    fn authorized_attempt(&self) -> Option<u32> {
        let authorized = |attempt: &&Attempt| attempt.answer == Some(PaymentAnswer::Authorized) && !attempt.voided;
        self.attempts.iter().find(authorized).map(|attempt| attempt.number)
    }

    fn declined_with(&self) -> Option<&String> {
        match self.attempts.last()?.answer.as_ref()? {
            PaymentAnswer::Declined(code) => Some(code),
            PaymentAnswer::Authorized => None,
        }
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
#[path = "order_tests.rs"]
mod tests;

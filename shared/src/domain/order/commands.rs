//! Commands: each answers what may be appended now. Pure; a repeat answers that it is done.

use jiff::Timestamp;

use super::{Attempt, Capture, Order, Outcome, PaymentAnswer, RefundProgress, Stock};
use crate::domain::{
    event::{Cancellation, Fact, Provider, Rejection},
    ids::RefundId,
    money::Money,
};

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
    /// Cancelled: nothing may go forward any more.
    #[error("the order is cancelled")]
    Cancelled,
    /// Confirmed: nothing that it rests on may be undone.
    #[error("the order is confirmed")]
    Confirmed,
    /// Undoing follows a decision and never comes before it.
    #[error("the order has not ended, so nothing of it is undone")]
    NotEnded,
    /// Payment begins only when the stock is held.
    #[error("the stock is not reserved")]
    StockNotReserved,
    /// An order that holds its stock does not fail for lack of it.
    #[error("the stock is reserved, so the order is not out of stock")]
    StockReserved,
    /// Not the attempt that is due.
    #[error("this payment attempt is not the one that is due")]
    NotTheDueAttempt,
    /// Given up for another method.
    #[error("this payment attempt was abandoned")]
    Abandoned,
    /// There is nothing to give it up for, or it cannot be given up.
    #[error("there is no other payment method, or this attempt cannot be cancelled at its provider")]
    NoOtherMethod,
    /// No attempt is authorised.
    #[error("no payment is authorised")]
    NotAuthorized,
    /// The money is held: the order goes forward.
    #[error("the payment is authorised")]
    Authorized,
    /// No attempt was declined with this code.
    #[error("no payment was declined with this code")]
    NotDeclined,
    /// Its money is being taken: it is known in a moment whether it was.
    #[error("the money is being taken")]
    CaptureUnderWay,
    /// No capture of this attempt is under way.
    #[error("the money is not being taken")]
    NotCapturing,
    /// Nothing was taken that could go back.
    #[error("nothing was captured")]
    NotCaptured,
    /// More than is left of what was taken.
    #[error("the refunds would exceed what was captured")]
    ExceedsCapture,
    /// The id stands for another refund, or for none.
    #[error("there is no such refund")]
    NoSuchRefund,
}

use Decision::{AlreadyDone, Append, NotAllowed};

impl Order {
    /// Hold every line's stock. Undone by [`Order::release`].
    pub fn reserve(&self) -> Decision {
        match (self.open(), self.stock) {
            (_, Stock::Held) | (Err(Refusal::Confirmed), _) => AlreadyDone,
            (Err(refusal), _) => NotAllowed(refusal),
            (Ok(()), _) => Append(Fact::InventoryReserved {}),
        }
    }

    /// Give the stock back: owed once the order is dead, and never before. What was never held is released already,
    /// for the order's end stands in the way of any reservation that wakes up late.
    pub fn release(&self) -> Decision {
        match (self.is_dead(), self.stock) {
            (true, Stock::Held) => Append(Fact::InventoryReleased {}),
            (true, _) => AlreadyDone,
            (false, _) => NotAllowed(Refusal::NotEnded),
        }
    }

    /// Name the provider's object of an attempt, before anything acts on it. Every attempt before it must be dead.
    pub fn prepare_payment(&self, attempt: u32, provider: Provider, reference: &str) -> Decision {
        if self.attempt(attempt).is_some() {
            return AlreadyDone;
        }
        let is_a_method = self.untried_methods().any(|method| method == (attempt, provider));
        match self.forward() {
            Err(refusal) => NotAllowed(refusal),
            Ok(()) if self.live_attempt().is_some() || !is_a_method => NotAllowed(Refusal::NotTheDueAttempt),
            Ok(()) => Append(Fact::PaymentPrepared { attempt, provider, reference: reference.to_owned() }),
        }
    }

    /// The provider waits for the customer.
    pub fn require_action(&self, attempt: u32) -> Decision {
        match self.attempt(attempt).map(|known| &known.answer) {
            Some(Some(_)) => AlreadyDone,
            _ => self.record(attempt, Fact::PaymentActionRequired { attempt }),
        }
    }

    /// The provider holds the money. Undone by [`Order::void_payment`].
    pub fn authorize_payment(&self, attempt: u32, capture_before: Option<Timestamp>) -> Decision {
        match self.attempt(attempt).and_then(|known| known.answer.as_ref()) {
            Some(PaymentAnswer::Authorized { .. }) => AlreadyDone,
            Some(PaymentAnswer::Declined(_)) => NotAllowed(Refusal::NotTheDueAttempt),
            _ => self.record(attempt, Fact::PaymentAuthorized { attempt, capture_before }),
        }
    }

    /// The provider refused.
    pub fn decline_payment(&self, attempt: u32, decline_code: &str) -> Decision {
        match self.attempt(attempt).and_then(|known| known.answer.as_ref()) {
            Some(PaymentAnswer::Declined(code)) if code == decline_code => AlreadyDone,
            Some(PaymentAnswer::Declined(_) | PaymentAnswer::Authorized { .. }) => NotAllowed(Refusal::NotTheDueAttempt),
            _ => self.record(attempt, Fact::PaymentDeclined { attempt, decline_code: decline_code.to_owned() }),
        }
    }

    /// An answer counts while the order is open and the attempt is neither given up nor dead. One that comes later is
    /// not believed: the attempt is owed a void.
    fn record(&self, attempt: u32, fact: Fact) -> Decision {
        match (self.forward(), self.attempt(attempt)) {
            (Err(refusal), _) => NotAllowed(refusal),
            (_, None | Some(Attempt { voided: true, .. })) => NotAllowed(Refusal::NotTheDueAttempt),
            (_, Some(Attempt { abandoned: true, .. })) => NotAllowed(Refusal::Abandoned),
            (Ok(()), Some(_)) => Append(fact),
        }
    }

    /// Give an attempt without an outcome up for another method. It must come before the attempt is cancelled at the
    /// provider, for from here on nobody authorises it.
    pub fn abandon_payment(&self, attempt: u32) -> Decision {
        let Some(known) = self.attempt(attempt) else { return NotAllowed(Refusal::NotTheDueAttempt) };
        let another = self.untried_methods().next().is_some() && known.provider.cancels_unauthorized();
        match (self.forward(), &known.answer) {
            (Err(refusal), _) => NotAllowed(refusal),
            _ if known.abandoned || known.voided => AlreadyDone,
            (_, Some(_)) => NotAllowed(Refusal::NotTheDueAttempt),
            _ if !another => NotAllowed(Refusal::NoOtherMethod),
            _ => Append(Fact::PaymentAbandoned { attempt }),
        }
    }

    /// The provider says that the attempt is dead: owed for every attempt of a dead order, a declined one too, since a
    /// declined payment can be confirmed again, and for one that was given up. A provider may also let go by itself.
    pub fn void_payment(&self, attempt: u32) -> Decision {
        match (&self.outcome, self.attempt(attempt)) {
            (_, None) => NotAllowed(Refusal::NotTheDueAttempt),
            (_, Some(Attempt { voided: true, .. })) => AlreadyDone,
            // Every other attempt of a confirmed order is dead: none was prepared while another lived.
            (Outcome::Confirmed { .. }, _) => NotAllowed(Refusal::Confirmed),
            _ if self.captured_attempt() == Some(attempt) => NotAllowed(Refusal::Confirmed),
            _ => Append(Fact::PaymentVoided { attempt }),
        }
    }

    /// The attempt may be cancelled at its provider: the events say already that it is not wanted any more.
    pub fn may_void(&self, attempt: &Attempt) -> bool {
        let unwanted = attempt.abandoned || self.is_dead();
        unwanted && !attempt.voided && self.captured_attempt() != Some(attempt.number)
    }

    /// The click's time ran out.
    pub fn defer(&self, unanswered: bool) -> Decision {
        match self.open() {
            _ if self.deferred => AlreadyDone,
            Err(refusal) => NotAllowed(refusal),
            Ok(()) => Append(Fact::PaymentDeferred { unanswered }),
        }
    }

    /// The order stands: its stock is held and its payment is authorised. Excludes [`Order::reject`], and
    /// [`Order::cancel`] before it.
    pub fn confirm(&self) -> Decision {
        if let Outcome::Confirmed { .. } = self.outcome {
            return AlreadyDone;
        }
        match (self.forward(), self.authorized_attempt()) {
            (Err(refusal), _) => NotAllowed(refusal),
            (Ok(()), None) => NotAllowed(Refusal::NotAuthorized),
            (Ok(()), Some(attempt)) => Append(Fact::OrderConfirmed { attempt }),
        }
    }

    /// The order is dead, because something was refused. Excludes [`Order::confirm`].
    pub fn reject(&self, reason: &Rejection) -> Decision {
        match (self.open(), reason) {
            (Err(Refusal::Rejected), _) => AlreadyDone,
            (Err(refusal), _) => NotAllowed(refusal),
            (Ok(()), Rejection::OutOfStock { .. }) if self.stock != Stock::NotHeld => NotAllowed(Refusal::StockReserved),
            (Ok(()), Rejection::PaymentDeclined { decline_code }) if self.declined_with() != Some(decline_code) => {
                NotAllowed(Refusal::NotDeclined)
            }
            (Ok(()), _) => Append(Fact::OrderRejected { reason: reason.clone() }),
        }
    }

    /// The order is dead, though nothing was refused. She may ask for it at any time but while her money is being taken;
    /// for want of a payment it ends only while none is authorised, and for a lapsed authorisation only after that is known.
    pub fn cancel(&self, reason: Cancellation) -> Decision {
        let decided = match (&self.outcome, self.capture) {
            (Outcome::Cancelled(_), _) => return AlreadyDone,
            (Outcome::Rejected(_), _) => Err(Refusal::Rejected),
            (_, Capture::Started) => Err(Refusal::CaptureUnderWay),
            _ => Ok(()),
        };
        let allowed = decided.and_then(|()| match reason {
            Cancellation::CustomerRequest | Cancellation::ShopRequest => Ok(()),
            Cancellation::AuthorizationLapsed if self.capture == Capture::Failed => Ok(()),
            Cancellation::AuthorizationLapsed => Err(Refusal::NotCapturing),
            Cancellation::PaymentTimedOut | Cancellation::PaymentUnavailable | Cancellation::DetailsErased => {
                self.open().and_then(|()| self.authorized_attempt().map_or(Ok(()), |_| Err(Refusal::Authorized)))
            }
        });
        match allowed {
            Ok(()) => Append(Fact::OrderCancelled { reason }),
            Err(refusal) => NotAllowed(refusal),
        }
    }

    /// Take the money of the confirmed attempt. From here to the outcome the order cannot be cancelled.
    pub fn start_capture(&self) -> Decision {
        match (&self.outcome, self.capture) {
            (Outcome::Confirmed { attempt }, Capture::NotStarted) => Append(Fact::CaptureStarted { attempt: *attempt }),
            (Outcome::Confirmed { .. }, _) => AlreadyDone,
            (Outcome::Open, _) => NotAllowed(Refusal::NotAuthorized),
            (Outcome::Rejected(_), _) => NotAllowed(Refusal::Rejected),
            (Outcome::Cancelled(_), _) => NotAllowed(Refusal::Cancelled),
        }
    }

    /// The provider took the money.
    pub fn capture(&self, attempt: u32) -> Decision {
        match self.capture {
            Capture::Captured if self.confirmed == Some(attempt) => AlreadyDone,
            _ if self.capture_is_under_way(attempt) => Append(Fact::PaymentCaptured { attempt }),
            _ => NotAllowed(Refusal::NotCapturing),
        }
    }

    /// The provider says that there is nothing left to take.
    pub fn fail_capture(&self, attempt: u32, reason: &str) -> Decision {
        match self.capture {
            Capture::Failed if self.confirmed == Some(attempt) => AlreadyDone,
            _ if self.capture_is_under_way(attempt) => Append(Fact::CaptureFailed { attempt, reason: reason.to_owned() }),
            _ => NotAllowed(Refusal::NotCapturing),
        }
    }

    /// Whether this attempt's money is being taken.
    pub fn capture_is_under_way(&self, attempt: u32) -> bool {
        self.capture == Capture::Started && self.confirmed == Some(attempt)
    }

    /// Whether the confirmed attempt's hold was lost before its money was taken.
    pub fn capture_has_failed(&self) -> bool {
        self.capture == Capture::Failed
    }

    /// Give some of what was taken back. The sum of what did not fail never exceeds what was captured.
    pub fn start_refund(&self, refund: &RefundId, amount: Money) -> Decision {
        let left = self.refundable();
        match self.refund(refund) {
            Some(known) if known.amount == amount => AlreadyDone,
            Some(_) => NotAllowed(Refusal::NoSuchRefund),
            None if self.capture != Capture::Captured => NotAllowed(Refusal::NotCaptured),
            None if amount.currency != left.currency || amount.amount == 0 || amount.amount > left.amount => {
                NotAllowed(Refusal::ExceedsCapture)
            }
            None => Append(Fact::RefundStarted { refund: refund.clone(), amount }),
        }
    }

    /// Give all that is left back, because the order is cancelled.
    pub fn start_cancellation_refund(&self) -> Decision {
        let failed = self.refunds.iter().filter(|refund| refund.progress == RefundProgress::Failed).count();
        match self.outcome {
            Outcome::Cancelled(_) if self.owes_cancellation_refund() => {
                self.start_refund(&RefundId::for_cancellation(&self.id, failed), self.refundable())
            }
            Outcome::Cancelled(_) => AlreadyDone,
            _ => NotAllowed(Refusal::NotEnded),
        }
    }

    /// The provider gave it back.
    pub fn finish_refund(&self, refund: &RefundId) -> Decision {
        match self.refund(refund).map(|known| known.progress) {
            Some(RefundProgress::Started) => Append(Fact::PaymentRefunded { refund: refund.clone() }),
            Some(RefundProgress::Refunded) => AlreadyDone,
            Some(RefundProgress::Failed) | None => NotAllowed(Refusal::NoSuchRefund),
        }
    }

    /// The provider could not give it back. It may say so long after it said the opposite.
    pub fn fail_refund(&self, refund: &RefundId, reason: &str) -> Decision {
        match self.refund(refund).map(|known| known.progress) {
            Some(RefundProgress::Started | RefundProgress::Refunded) => {
                Append(Fact::RefundFailed { refund: refund.clone(), reason: reason.to_owned() })
            }
            Some(RefundProgress::Failed) => AlreadyDone,
            None => NotAllowed(Refusal::NoSuchRefund),
        }
    }

    fn open(&self) -> Result<(), Refusal> {
        match self.outcome {
            Outcome::Open => Ok(()),
            Outcome::Confirmed { .. } => Err(Refusal::Confirmed),
            Outcome::Rejected(_) => Err(Refusal::Rejected),
            Outcome::Cancelled(_) => Err(Refusal::Cancelled),
        }
    }

    fn forward(&self) -> Result<(), Refusal> {
        self.open()?;
        if self.stock == Stock::Held { Ok(()) } else { Err(Refusal::StockNotReserved) }
    }

    /// The money is held, so that the order can be confirmed.
    pub fn confirm_is_due(&self) -> bool {
        matches!(self.confirm(), Append(_))
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self.outcome, Outcome::Rejected(_) | Outcome::Cancelled(_))
    }

    pub(super) fn authorized_attempt(&self) -> Option<u32> {
        let authorized = |attempt: &&Attempt| {
            matches!(attempt.answer, Some(PaymentAnswer::Authorized { .. })) && !attempt.voided && !attempt.abandoned
        };
        self.attempts.iter().find(authorized).map(|attempt| attempt.number)
    }

    fn declined_with(&self) -> Option<&String> {
        match self.attempts.last()?.answer.as_ref()? {
            PaymentAnswer::Declined(code) => Some(code),
            PaymentAnswer::ActionRequired | PaymentAnswer::Authorized { .. } => None,
        }
    }
}

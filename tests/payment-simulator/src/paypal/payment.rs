//! What becomes of an order's money: its authorisation, the captures of that, and their refunds:
//! <https://developer.paypal.com/docs/api/payments/v2/>.

use jiff::Timestamp;

use super::{
    command::{NewCapture, NewRefund},
    error::ApiError,
    id,
    money::Money,
};
use crate::agenda::after;

/// How long an authorisation holds, in seconds.
const VALIDITY: i64 = 29 * 24 * 60 * 60;

/// Where an authorisation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Created,
    /// PayPal looks into it; nothing is held yet.
    Pending,
    Denied,
    PartiallyCaptured,
    Captured,
    Voided,
    /// Reads as voided.
    Expired,
}

impl Status {
    /// As PayPal writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Pending => "PENDING",
            Self::Denied => "DENIED",
            Self::PartiallyCaptured => "PARTIALLY_CAPTURED",
            Self::Captured => "CAPTURED",
            Self::Voided | Self::Expired => "VOIDED",
        }
    }
}

/// How a hold ended.
#[derive(Debug)]
pub(super) struct Void {
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// What was let go.
    pub(super) amount: Money,
}

/// A hold on the customer's money.
#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) amount: Money,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) void: Option<Void>,
    pub(super) captures: Vec<Capture>,
    /// Whether refunds do not reach the customer.
    pub(super) refunds_fail: bool,
}

/// Money taken.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) id: String,
    pub(super) amount: Money,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) invoice_id: Option<String>,
    pub(super) note_to_payer: Option<String>,
    pub(super) is_final: bool,
    pub(super) refunds: Vec<Refund>,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundStatus {
    Pending,
    Completed,
    Failed,
}

impl RefundStatus {
    /// As PayPal writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// Money given back.
#[derive(Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) status: RefundStatus,
    pub(super) amount: Money,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) custom_id: Option<String>,
    pub(super) invoice_id: Option<String>,
    pub(super) note_to_payer: Option<String>,
}

impl Authorization {
    /// One that stands so from the start.
    pub(super) fn new(amount: Money, status: Status, refunds_fail: bool, now: Timestamp) -> Self {
        Self {
            id: id(),
            status,
            amount,
            created: now,
            updated: now,
            expires: after(now, VALIDITY),
            void: None,
            captures: Vec::new(),
            refunds_fail,
        }
    }

    /// Minor units that are held and not yet taken.
    pub(super) fn held(&self) -> i64 {
        match self.status {
            Status::Created | Status::PartiallyCaptured => self.amount.minor - self.captured(),
            _ => 0,
        }
    }

    fn captured(&self) -> i64 {
        self.captures.iter().map(|capture| capture.amount.minor).sum()
    }

    /// PayPal's look into it is over, and it holds. False: it has ended meanwhile.
    pub(super) fn clear(&mut self, now: Timestamp) -> bool {
        let pending = self.status == Status::Pending;
        if pending {
            self.status = Status::Created;
            self.updated = now;
        }
        pending
    }

    /// Takes what is held, or a part. PayPal lets a shop take a little more than is held; that is not played here.
    pub(super) fn capture(&mut self, new: &NewCapture, now: Timestamp) -> Result<&Capture, ApiError> {
        match self.status {
            Status::Created | Status::PartiallyCaptured => {}
            Status::Pending => return Err(ApiError::unprocessable("TRANSACTION_REFUSED")),
            Status::Denied => return Err(ApiError::unprocessable("AUTHORIZATION_DENIED")),
            Status::Captured => return Err(ApiError::unprocessable("AUTHORIZATION_ALREADY_CAPTURED")),
            Status::Voided => return Err(ApiError::unprocessable("AUTHORIZATION_VOIDED")),
            Status::Expired => return Err(ApiError::unprocessable("AUTHORIZATION_EXPIRED")),
        }
        let held = self.held();
        let amount = new.amount.clone().unwrap_or_else(|| self.amount.of(held));
        if amount.currency != self.amount.currency {
            return Err(ApiError::unprocessable("AUTH_CAPTURE_CURRENCY_MISMATCH").field("/amount/currency_code"));
        }
        if amount.minor > held {
            return Err(ApiError::unprocessable("MAX_CAPTURE_AMOUNT_EXCEEDED").field("/amount/value").value(&amount.value()));
        }
        let all = amount.minor == held || new.is_final;
        self.status = if all { Status::Captured } else { Status::PartiallyCaptured };
        self.updated = now;
        self.captures.push(Capture {
            id: id(),
            amount,
            created: now,
            updated: now,
            invoice_id: new.invoice_id.clone(),
            note_to_payer: new.note_to_payer.clone(),
            is_final: new.is_final,
            refunds: Vec::new(),
        });
        Ok(&self.captures[self.captures.len() - 1])
    }

    /// Lets go of what is held: so many minor units.
    pub(super) fn void(&mut self, now: Timestamp) -> Result<i64, ApiError> {
        match self.status {
            Status::Created | Status::Pending | Status::PartiallyCaptured => Ok(self.end(Status::Voided, now)),
            Status::Captured => Err(ApiError::unprocessable("PREVIOUSLY_CAPTURED")),
            Status::Voided | Status::Expired => Err(ApiError::unprocessable("PREVIOUSLY_VOIDED")),
            Status::Denied => Err(ApiError::unprocessable("CANNOT_BE_VOIDED")),
        }
    }

    /// Its time is over: lets go of what is held. None: it has ended before.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<i64> {
        let stands = matches!(self.status, Status::Created | Status::Pending | Status::PartiallyCaptured);
        stands.then(|| self.end(Status::Expired, now))
    }

    fn end(&mut self, status: Status, now: Timestamp) -> i64 {
        let held = self.held();
        self.void = Some(Void { id: id(), at: now, amount: self.amount.of(held) });
        self.status = status;
        self.updated = now;
        held
    }
}

impl Capture {
    /// Minor units that were given back, or are about to be.
    pub(super) fn refunded(&self) -> i64 {
        let counts = |refund: &&Refund| refund.status != RefundStatus::Failed;
        self.refunds.iter().filter(counts).map(|refund| refund.amount.minor).sum()
    }

    /// As PayPal writes it.
    pub(super) fn status(&self) -> &'static str {
        match self.refunded() {
            0 => "COMPLETED",
            refunded if refunded == self.amount.minor => "REFUNDED",
            _ => "PARTIALLY_REFUNDED",
        }
    }

    /// Gives back so much, or all that is left.
    pub(super) fn refund(&mut self, new: &NewRefund, status: RefundStatus, now: Timestamp) -> Result<&Refund, ApiError> {
        let left = self.amount.minor - self.refunded();
        if left == 0 {
            return Err(ApiError::unprocessable("CAPTURE_FULLY_REFUNDED"));
        }
        let amount = new.amount.clone().unwrap_or_else(|| self.amount.of(left));
        if amount.currency != self.amount.currency {
            return Err(ApiError::unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH").field("/amount/currency_code"));
        }
        if amount.minor > left {
            return Err(ApiError::unprocessable("REFUND_AMOUNT_EXCEEDED").field("/amount/value").value(&amount.value()));
        }
        self.updated = now;
        self.refunds.push(Refund {
            id: id(),
            status,
            amount,
            created: now,
            updated: now,
            custom_id: new.custom_id.clone(),
            invoice_id: new.invoice_id.clone(),
            note_to_payer: new.note_to_payer.clone(),
        });
        Ok(&self.refunds[self.refunds.len() - 1])
    }

    /// A refund did not reach the customer: the money is the shop's again.
    pub(super) fn fail_refund(&mut self, refund_id: &str, now: Timestamp) {
        for refund in self.refunds.iter_mut().filter(|refund| refund.id == refund_id) {
            refund.status = RefundStatus::Failed;
            refund.updated = now;
            self.updated = now;
        }
    }
}

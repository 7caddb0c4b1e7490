//! An order and its life until it is authorised: <https://developer.paypal.com/docs/api/orders/v2/>.

use jiff::Timestamp;

use super::{
    command::{Authorizing, Back, NewOrder},
    error::ApiError,
    id,
    payment::{self, Authorization, Capture},
    shapes,
    vault::{Token, Verdict},
};
use crate::agenda::after;

/// How long an order waits to be authorised, in seconds.
const PATIENCE: i64 = 3 * 60 * 60;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Created,
    PayerActionRequired,
    Approved,
    Completed,
}

impl Status {
    /// As PayPal writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::PayerActionRequired => "PAYER_ACTION_REQUIRED",
            Self::Approved => "APPROVED",
            Self::Completed => "COMPLETED",
        }
    }
}

/// An order of one purchase unit, to be authorised.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) unit: NewOrder,
    pub(super) status: Status,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// The account that it is paid from, once that is known.
    pub(super) source: Option<Token>,
    pub(super) back: Back,
    pub(super) authorization: Option<Authorization>,
}

impl Order {
    /// A new one.
    pub(super) fn new(new: &NewOrder, now: Timestamp) -> Self {
        Self {
            id: id(),
            unit: new.clone(),
            status: Status::Created,
            created: now,
            updated: now,
            source: None,
            back: new.back.clone(),
            authorization: None,
        }
    }

    /// The order that the shop named.
    pub(super) fn order_id(&self) -> Option<&str> {
        self.unit.custom_id.as_deref()
    }

    /// Whether PayPal still has it: one that nobody authorises is gone after a while.
    pub(super) fn is_there(&self, now: Timestamp) -> bool {
        self.authorization.is_some() || now < after(self.created, PATIENCE)
    }

    /// Asks PayPal to hold the money, which is denied whatever the account when `declined`. A denial is a change, and no
    /// error here: it stands in the authorisation. Neither is the wish to see the customer, which stands in the status.
    pub(super) fn authorize(&mut self, with: &Authorizing, declined: bool, base: &str, now: Timestamp) -> Result<(), ApiError> {
        if self.authorization.is_some() {
            return Err(ApiError::unprocessable("ORDER_ALREADY_AUTHORIZED"));
        }
        let token = self.payer(with, base)?;
        let verdict = match token.verdict {
            _ if declined => Verdict::Denied,
            Verdict::Action | Verdict::InstrumentDeclined if self.status == Status::Approved => Verdict::Approved,
            verdict => verdict,
        };
        self.back.return_url = with.back.return_url.clone().or_else(|| self.back.return_url.take());
        self.back.cancel_url = with.back.cancel_url.clone().or_else(|| self.back.cancel_url.take());
        self.updated = now;
        let status = match verdict {
            Verdict::Approved | Verdict::RefundFails => payment::Status::Created,
            Verdict::Denied => payment::Status::Denied,
            Verdict::Pending => payment::Status::Pending,
            Verdict::Action => {
                self.source = Some(token);
                self.status = Status::PayerActionRequired;
                return Ok(());
            }
            Verdict::InstrumentDeclined => {
                let page = shapes::payer_action(&self.id, base);
                return Err(ApiError::unprocessable("INSTRUMENT_DECLINED").link(page));
            }
        };
        self.source = Some(token);
        self.status = Status::Completed;
        let refunds_fail = verdict == Verdict::RefundFails;
        self.authorization = Some(Authorization::new(self.unit.amount.clone(), status, refunds_fail, now));
        Ok(())
    }

    fn payer(&self, with: &Authorizing, base: &str) -> Result<Token, ApiError> {
        if let Some(vault_id) = &with.vault_id {
            let unknown = || ApiError::unprocessable("TOKEN_ID_NOT_FOUND").field("/payment_source/paypal/vault_id");
            return Token::find(vault_id).ok_or_else(unknown);
        }
        let approved = self.source.clone().filter(|_| self.status == Status::Approved);
        approved.ok_or_else(|| ApiError::unprocessable("ORDER_NOT_APPROVED").link(shapes::payer_action(&self.id, base)))
    }

    /// Whether the customer can still approve it.
    pub(super) fn awaits_approval(&self, now: Timestamp) -> bool {
        self.is_there(now) && matches!(self.status, Status::Created | Status::PayerActionRequired)
    }

    /// The customer approves.
    pub(super) fn approve(&mut self, now: Timestamp) {
        self.source.get_or_insert_with(Token::unsaved);
        self.status = Status::Approved;
        self.updated = now;
    }

    /// A capture of its authorisation.
    pub(super) fn capture_mut(&mut self, capture_id: &str) -> Option<&mut Capture> {
        self.authorization.as_mut()?.captures.iter_mut().find(|capture| capture.id == capture_id)
    }
}

//! A payment intent and its life: <https://docs.stripe.com/payments/paymentintents/lifecycle>.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    command::{Confirmation, NewIntent, Redirects},
    error::ApiError,
    id,
    tokens::{self, Card, Decline, Verdict},
};
use crate::operation::Operation;

/// Where an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Canceled,
    Succeeded,
}

impl Status {
    /// As Stripe writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Canceled => "canceled",
            Self::Succeeded => "succeeded",
        }
    }
}

/// A card as one intent holds it.
#[derive(Clone, Debug)]
pub(super) struct PaymentMethod {
    pub(super) id: String,
    pub(super) card: Card,
    /// Unix seconds.
    pub(super) created: i64,
}

impl PaymentMethod {
    fn of(token: &str, now: Timestamp) -> Result<Self, ApiError> {
        Ok(Self { id: id("pm"), card: tokens::find(token)?, created: now.as_second() })
    }
}

/// Money that a transition moved or freed: what it was, and minor units.
pub(super) type Movement = (Operation, i64);

/// A payment intent.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) client_secret: String,
    pub(super) amount: i64,
    pub(super) amount_capturable: i64,
    pub(super) amount_received: i64,
    pub(super) amount_refunded: i64,
    pub(super) currency: String,
    pub(super) capture_method: &'static str,
    pub(super) automatic: Option<Redirects>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Unix seconds, as all times of Stripe's.
    pub(super) created: i64,
    pub(super) canceled_at: Option<i64>,
    pub(super) cancellation_reason: Option<&'static str>,
    pub(super) status: Status,
    pub(super) payment_method: Option<PaymentMethod>,
    /// Why the last card was refused, and that card.
    pub(super) last_decline: Option<(Decline, PaymentMethod)>,
    pub(super) latest_charge: Option<String>,
    /// Where the customer comes back to; given with the confirm that asked for her.
    pub(super) return_url: Option<String>,
}

impl Intent {
    /// A new one; a payment method that comes with it waits for the confirm.
    pub(super) fn new(new: &NewIntent, now: Timestamp) -> Result<Self, ApiError> {
        let token = new.confirmation.payment_method.as_deref();
        let payment_method = token.map(|token| PaymentMethod::of(token, now)).transpose()?;
        let intent_id = id("pi");
        Ok(Self {
            client_secret: id(&format!("{intent_id}_secret")),
            id: intent_id,
            amount: new.amount,
            amount_capturable: 0,
            amount_received: 0,
            amount_refunded: 0,
            currency: new.currency.clone(),
            capture_method: new.capture_method,
            automatic: new.automatic,
            metadata: new.metadata.clone(),
            created: now.as_second(),
            canceled_at: None,
            cancellation_reason: None,
            status: if payment_method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod },
            payment_method,
            last_decline: None,
            latest_charge: None,
            return_url: None,
        })
    }

    /// The order that the shop named.
    pub(super) fn order_id(&self) -> Option<&str> {
        self.metadata.get("order_id").map(String::as_str)
    }

    /// Asks the card's issuer, who declines whatever the card when `declined`. A decline is a change, and no error here:
    /// it stands in `last_decline`.
    pub(super) fn confirm(&mut self, with: &Confirmation, declined: bool, now: Timestamp) -> Result<Vec<Movement>, ApiError> {
        if matches!(self.status, Status::RequiresCapture | Status::Canceled | Status::Succeeded) {
            return Err(self.unexpected("confirm"));
        }
        let given = with.payment_method.as_deref().map(|token| PaymentMethod::of(token, now)).transpose()?;
        let method = given.or_else(|| self.payment_method.clone()).ok_or_else(Self::without_payment_method)?;
        if self.automatic == Some(Redirects::Always) && with.return_url.is_none() {
            return Err(Self::without_return_url());
        }
        self.last_decline = None;
        match method.card.verdict {
            _ if declined => self.decline(tokens::GENERIC, method),
            Verdict::Declined(decline) => self.decline(decline, method),
            Verdict::Authenticate => self.ask(with, method),
            Verdict::Approved => return Ok(self.approve(method)),
        }
        Ok(Vec::new())
    }

    fn decline(&mut self, decline: Decline, method: PaymentMethod) {
        self.status = Status::RequiresPaymentMethod;
        self.payment_method = None;
        self.latest_charge = Some(id("ch"));
        self.last_decline = Some((decline, method));
    }

    fn ask(&mut self, with: &Confirmation, method: PaymentMethod) {
        self.status = Status::RequiresAction;
        self.payment_method = Some(method);
        self.return_url.clone_from(&with.return_url);
    }

    fn approve(&mut self, method: PaymentMethod) -> Vec<Movement> {
        self.payment_method = Some(method);
        self.latest_charge = Some(id("ch"));
        let held = (Operation::Authorize, self.amount);
        if self.capture_method == "manual" {
            self.status = Status::RequiresCapture;
            self.amount_capturable = self.amount;
            vec![held]
        } else {
            self.status = Status::Succeeded;
            self.amount_received = self.amount;
            vec![held, (Operation::Capture, self.amount)]
        }
    }

    /// Takes what is held, or a part; the rest is let go.
    pub(super) fn capture(&mut self, amount: Option<i64>) -> Result<Movement, ApiError> {
        if self.status != Status::RequiresCapture {
            return Err(self.unexpected("capture"));
        }
        let amount = amount.unwrap_or(self.amount_capturable);
        if amount > self.amount_capturable {
            let message = format!("The amount to capture must be at most what is capturable: {}.", self.amount_capturable);
            return Err(ApiError::invalid(message).code("amount_too_large").param("amount_to_capture"));
        }
        self.status = Status::Succeeded;
        self.amount_capturable = 0;
        self.amount_received = amount;
        Ok((Operation::Capture, amount))
    }

    /// Ends it, and frees what was held, if anything was.
    pub(super) fn cancel(&mut self, reason: Option<&'static str>, now: Timestamp) -> Result<Option<Movement>, ApiError> {
        if matches!(self.status, Status::Succeeded | Status::Canceled) {
            return Err(self.unexpected("cancel"));
        }
        let held = std::mem::take(&mut self.amount_capturable);
        self.status = Status::Canceled;
        self.canceled_at = Some(now.as_second());
        self.cancellation_reason = reason;
        Ok((held > 0).then_some((Operation::Void, held)))
    }

    /// Gives back so much, or all that is left of what was taken.
    pub(super) fn refund(&mut self, amount: Option<i64>) -> Result<Movement, ApiError> {
        if self.status != Status::Succeeded {
            return Err(ApiError::invalid(format!(
                "This PaymentIntent ({}) does not have a successful charge to refund.",
                self.id
            )));
        }
        let left = self.amount_received - self.amount_refunded;
        if left == 0 {
            let charge = self.latest_charge.as_deref().unwrap_or_default();
            return Err(ApiError::invalid(format!("Charge {charge} has already been refunded.")).code("charge_already_refunded"));
        }
        let amount = amount.unwrap_or(left);
        if amount > left {
            let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).");
            return Err(ApiError::invalid(message).param("amount"));
        }
        self.amount_refunded += amount;
        Ok((Operation::Refund, amount))
    }

    fn unexpected(&self, verb: &str) -> ApiError {
        let message = format!("You cannot {verb} this PaymentIntent because it has a status of {}.", self.status.name());
        ApiError::invalid(message).code("payment_intent_unexpected_state").with("payment_intent", self.to_json())
    }

    fn without_payment_method() -> ApiError {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method.";
        ApiError::invalid(message).code("payment_intent_unexpected_state")
    }

    fn without_return_url() -> ApiError {
        let message = "A `return_url` must be specified because this Payment Intent is configured to automatically accept the \
            payment methods enabled in the Dashboard, some of which may require a full page redirect to succeed.";
        ApiError::invalid(message).code("parameter_missing").param("return_url")
    }

    /// The 402 of the last decline, if that is how the last confirm ended.
    pub(super) fn declined(&self) -> Option<ApiError> {
        let (decline, method) = self.last_decline.as_ref()?;
        let error = decline.error().with("payment_method", method.to_json()).with("charge", self.latest_charge.clone());
        Some(error.with("payment_intent", self.to_json()))
    }
}

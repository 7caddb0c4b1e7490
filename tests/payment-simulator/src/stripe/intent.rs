//! A payment intent and its life: <https://docs.stripe.com/payments/paymentintents/lifecycle>.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    command::{Confirmation, NewIntent, Redirects},
    error::ApiError,
    id,
    tokens::{self, Card, Decline, Verdict},
};
use crate::{agenda::after, operation::Operation};

/// How long a hold on a card lasts, in seconds: <https://docs.stripe.com/payments/place-a-hold-on-a-payment-method>.
const VALIDITY: i64 = 7 * 24 * 60 * 60;

/// Where an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
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
            Self::Processing => "processing",
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
    /// Who saved it.
    pub(super) customer: Option<String>,
}

impl PaymentMethod {
    /// A test token stands for a new card each time; a saved card is always the same.
    pub(super) fn of(token: &str, now: Timestamp) -> Result<Self, ApiError> {
        let (card, customer) = (tokens::find(token)?, tokens::owner(token));
        let id = if customer.is_some() { token.into() } else { id("pm") };
        Ok(Self { id, card, created: now.as_second(), customer })
    }

    /// A saved card pays only for the customer who saved it.
    fn check_payer(&self, customer: Option<&str>) -> Result<(), ApiError> {
        let Some(owner) = self.customer.as_deref().filter(|owner| Some(*owner) != customer) else { return Ok(()) };
        let id = &self.id;
        Err(match customer {
            None => ApiError::invalid(format!(
                "The `payment_method` parameter supplied {id} belongs to the Customer {owner}. Please include the Customer in the \
                `customer` parameter on the PaymentIntent."
            ))
            .code("parameter_missing"),
            Some(_) => ApiError::invalid(format!(
                "The customer does not have a payment method with the ID {id}. The payment method must be attached to the customer."
            ))
            .code("resource_missing"),
        }
        .param("payment_method"))
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
    pub(super) customer: Option<String>,
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
    pub(super) authorized_at: Option<Timestamp>,
    /// Where the customer comes back to; given with the confirm that asked for her.
    pub(super) return_url: Option<String>,
    /// Where she authenticates, without the intent's id.
    pub(super) bank: String,
}

impl Intent {
    /// A new one; a payment method that comes with it waits for the confirm.
    pub(super) fn new(new: &NewIntent, bank: String, now: Timestamp) -> Result<Self, ApiError> {
        let token = new.confirmation.payment_method.as_deref();
        let payment_method = token.map(|token| PaymentMethod::of(token, now)).transpose()?;
        payment_method.iter().try_for_each(|method| method.check_payer(new.customer.as_deref()))?;
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
            customer: new.customer.clone(),
            metadata: new.metadata.clone(),
            created: now.as_second(),
            canceled_at: None,
            cancellation_reason: None,
            status: if payment_method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod },
            payment_method,
            last_decline: None,
            latest_charge: None,
            authorized_at: None,
            return_url: None,
            bank,
        })
    }

    /// The order that the shop named.
    pub(super) fn order_id(&self) -> Option<&str> {
        self.metadata.get("order_id").map(String::as_str)
    }

    /// Asks the card's issuer, who declines whatever the card when `declined`. A decline is a change, and no error here:
    /// it stands in `last_decline`.
    pub(super) fn confirm(&mut self, with: &Confirmation, declined: bool, now: Timestamp) -> Result<Vec<Movement>, ApiError> {
        if matches!(self.status, Status::Processing | Status::RequiresCapture | Status::Canceled | Status::Succeeded) {
            return Err(self.unexpected("confirm").param("payment_method"));
        }
        let given = with.payment_method.as_deref().map(|token| PaymentMethod::of(token, now)).transpose()?;
        let method = given.or_else(|| self.payment_method.clone()).ok_or_else(Self::without_payment_method)?;
        method.check_payer(self.customer.as_deref())?;
        if self.automatic == Some(Redirects::Always) && with.return_url.is_none() {
            return Err(Self::without_return_url());
        }
        self.last_decline = None;
        match method.card.verdict {
            _ if declined => self.decline(tokens::GENERIC, method),
            Verdict::Declined(decline) => self.decline(decline, method),
            Verdict::Authenticate => self.ask(with, method),
            Verdict::Later => self.wait(method),
            Verdict::Approved => return Ok(self.approve(method, now)),
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

    fn wait(&mut self, method: PaymentMethod) {
        self.status = Status::Processing;
        self.payment_method = Some(method);
        self.latest_charge = Some(id("ch"));
    }

    /// The issuer that took its time approves. None: it is not waited for any more.
    pub(super) fn finish(&mut self, now: Timestamp) -> Option<Vec<Movement>> {
        let method = self.payment_method.clone().filter(|_| self.status == Status::Processing)?;
        Some(self.approve(method, now))
    }

    /// The customer has answered her bank. None: she was not asked.
    pub(super) fn authenticate(&mut self, confirmed: bool, now: Timestamp) -> Option<Vec<Movement>> {
        let method = self.payment_method.clone().filter(|_| self.status == Status::RequiresAction)?;
        if confirmed {
            return Some(self.approve(method, now));
        }
        self.decline(tokens::AUTHENTICATION, method);
        self.latest_charge = None;
        Some(Vec::new())
    }

    fn approve(&mut self, method: PaymentMethod, now: Timestamp) -> Vec<Movement> {
        self.payment_method = Some(method);
        self.latest_charge = Some(id("ch"));
        self.authorized_at = Some(now);
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

    /// Until when what is held can be captured.
    pub(super) fn capture_before(&self) -> Option<Timestamp> {
        self.authorized_at.filter(|_| self.capture_method == "manual").map(|at| after(at, VALIDITY))
    }

    /// Nobody captured in time: it ends, and what was held is free. None: nothing is held any more.
    pub(super) fn lapse(&mut self, now: Timestamp) -> Option<Movement> {
        if self.status != Status::RequiresCapture {
            return None;
        }
        self.cancel(Some("automatic"), now).ok().flatten()
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
        if matches!(self.status, Status::Processing | Status::Succeeded | Status::Canceled) {
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

    /// A refund did not reach the customer: the money is the shop's again.
    pub(super) fn take_refund_back(&mut self, amount: i64) {
        self.amount_refunded -= amount;
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

//! Stripe's JSON, as far as it is read, and what it means.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use super::super::ListedPayment;
use crate::domain::{
    money::{Currency, Money},
    payment::{ListedRefund, PaymentState, RefundState},
};

/// <https://docs.stripe.com/api/payment_intents/object>
#[derive(Debug, Default, Deserialize)]
pub(super) struct PaymentIntent {
    #[serde(default)]
    pub id: String,
    pub status: String,
    last_payment_error: Option<ApiError>,
    latest_charge: Option<Expandable<Charge>>,
    next_action: Option<NextAction>,
    metadata: Option<Metadata>,
    /// In the currency's smallest unit; what went back since does not count.
    #[serde(default)]
    amount_received: u64,
    #[serde(default)]
    currency: String,
}

/// An object where it was asked to be expanded, else its id.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expandable<T> {
    Object(T),
    Id(#[expect(dead_code, reason = "an id says nothing that is needed")] String),
}

#[derive(Debug, Deserialize)]
struct Charge {
    payment_method_details: Option<MethodDetails>,
}

#[derive(Debug, Deserialize)]
struct MethodDetails {
    card: Option<Card>,
}

#[derive(Debug, Deserialize)]
struct Card {
    /// Unix seconds: <https://docs.stripe.com/payments/place-a-hold-on-a-payment-method>.
    capture_before: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct NextAction {
    redirect_to_url: Option<Redirect>,
}

#[derive(Debug, Deserialize)]
struct Redirect {
    url: Option<SecretString>,
}

/// What we wrote beside an object. One that others made may have none.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    #[serde(rename = "order_id")]
    pub order: Option<String>,
    #[serde(rename = "customer_id")]
    pub customer: Option<String>,
    #[serde(rename = "refund_id")]
    pub refund: Option<String>,
}

impl PaymentIntent {
    /// One whose method was refused with this code.
    pub fn declined(code: Option<String>) -> Self {
        let error = ApiError { code, ..ApiError::default() };
        Self { status: "requires_payment_method".into(), last_payment_error: Some(error), ..Self::default() }
    }

    pub fn state(self) -> PaymentState {
        match (self.status.as_str(), self.last_payment_error) {
            ("requires_capture", _) => PaymentState::Authorized { capture_before: capture_before(self.latest_charge) },
            ("requires_action", _) => PaymentState::ActionRequired,
            ("succeeded", _) => PaymentState::Captured,
            ("canceled", _) => PaymentState::Voided,
            ("requires_payment_method", Some(error)) => {
                PaymentState::Declined(error.decline_code.or(error.code).unwrap_or_else(|| "generic_decline".into()))
            }
            ("requires_payment_method" | "requires_confirmation", _) => PaymentState::Prepared,
            _ => PaymentState::Undecided,
        }
    }

    /// Where she authenticates, only while Stripe waits for it.
    pub fn action_url(self) -> Option<SecretString> {
        if self.status != "requires_action" {
            return None;
        }
        self.next_action?.redirect_to_url?.url
    }

    /// How much was taken; nothing, if nothing was.
    pub fn taken(&self) -> Option<Money> {
        money(self.amount_received, &self.currency).filter(|taken| taken.amount > 0)
    }

    pub fn listed(self) -> ListedPayment {
        let order_id = self.metadata.as_ref().and_then(|metadata| metadata.order.as_deref()).and_then(|id| id.parse().ok());
        ListedPayment { reference: self.id.clone(), names_attempt: true, order_id, state: self.state() }
    }
}

/// Stripe writes currencies in small letters.
fn money(amount: u64, currency: &str) -> Option<Money> {
    Currency::from_code(&currency.to_ascii_uppercase()).map(|currency| Money { amount, currency })
}

fn capture_before(charge: Option<Expandable<Charge>>) -> Option<Timestamp> {
    let Some(Expandable::Object(charge)) = charge else { return None };
    Timestamp::from_second(charge.payment_method_details?.card?.capture_before?).ok()
}

/// A page of a list: <https://docs.stripe.com/api/pagination>.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

/// <https://docs.stripe.com/api/refunds/object>
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    status: Option<String>,
    failure_reason: Option<String>,
    metadata: Option<Metadata>,
    #[serde(default)]
    amount: u64,
    #[serde(default)]
    currency: String,
}

impl Refund {
    pub fn state(self) -> RefundState {
        match self.status.as_deref() {
            Some("succeeded") => RefundState::Refunded,
            Some(status @ ("failed" | "canceled")) => {
                RefundState::Failed(self.failure_reason.unwrap_or_else(|| status.to_owned()))
            }
            _ => RefundState::Pending,
        }
    }

    pub fn listed(mut self) -> ListedRefund {
        ListedRefund {
            name: self.metadata.take().and_then(|metadata| metadata.refund),
            amount: money(self.amount, &self.currency),
            state: self.state(),
        }
    }
}

/// <https://docs.stripe.com/api/payment_methods/object>
#[derive(Debug, Deserialize)]
pub(super) struct Method {
    pub customer: Option<String>,
}

/// <https://docs.stripe.com/api/customers/object>; a deleted one has no metadata.
#[derive(Debug, Deserialize)]
pub(super) struct Customer {
    pub metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub error: ApiError,
}

/// <https://docs.stripe.com/api/errors>
#[derive(Debug, Default, Deserialize)]
pub(super) struct ApiError {
    #[serde(default, rename = "type")]
    pub kind: String,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub param: Option<String>,
    /// It may quote what was sent: read, and never told.
    #[serde(default)]
    message: String,
}

impl ApiError {
    /// Whether the method that she chose is what is wrong, which is hers to change.
    pub fn is_about_the_method(&self) -> bool {
        // One that was used up, or detached from its customer, is refused without a code or a parameter.
        let used_up = self.message.starts_with("The provided PaymentMethod was previously used");
        self.kind == "invalid_request_error" && (self.param.as_deref() == Some("payment_method") || used_up)
    }
}

//! Stripe's published test tokens: <https://docs.stripe.com/testing>. Three are added here: `pm_processing`, whose issuer
//! takes its time; `pm_of_<id>`, a good card that is attached to the customer `cus_<id>`; and that customer, who is the
//! shop's `<id>`.

use super::error::ApiError;

/// Why a card is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decline {
    code: &'static str,
    /// The issuer's reason, where Stripe gives one.
    reason: Option<&'static str>,
    message: &'static str,
    param: Option<&'static str>,
}

impl Decline {
    const fn card_declined(reason: &'static str, message: &'static str) -> Self {
        Self { code: "card_declined", reason: Some(reason), message, param: None }
    }

    /// As an error, still without what it belongs to.
    pub(super) fn error(self) -> ApiError {
        let error = if self == AUTHENTICATION { ApiError::invalid(self.message) } else { ApiError::card(self.message) };
        let mut error = error.code(self.code);
        if let Some(reason) = self.reason {
            error = error.with("decline_code", reason);
        }
        match self.param {
            Some(param) => error.param(param),
            None => error,
        }
    }
}

const REFUSED: &str = "Your card was declined.";
/// A decline without a reason.
pub(super) const GENERIC: Decline = Decline::card_declined("generic_decline", REFUSED);
const FUNDS: Decline = Decline::card_declined("insufficient_funds", "Your card has insufficient funds.");
const LOST: Decline = Decline::card_declined("lost_card", REFUSED);
const STOLEN: Decline = Decline::card_declined("stolen_card", REFUSED);
const FRAUDULENT: Decline = Decline::card_declined("fraudulent", REFUSED);
const VELOCITY: Decline = Decline::card_declined(
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
);
const EXPIRED: Decline =
    Decline { code: "expired_card", reason: None, message: "Your card has expired.", param: Some("exp_month") };
const CVC: Decline =
    Decline { code: "incorrect_cvc", reason: None, message: "Your card's security code is incorrect.", param: Some("cvc") };
const PROCESSING: Decline = Decline {
    code: "processing_error",
    reason: None,
    message: "An error occurred while processing your card. Try again in a little bit.",
    param: None,
};

/// The customer did not authenticate. To Stripe this is the request's fault, and not the card's.
pub(super) const AUTHENTICATION: Decline = Decline {
    code: "payment_intent_authentication_failure",
    reason: None,
    message: "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod \
        to attempt to fulfill this PaymentIntent again.",
    param: None,
};

/// What a card's issuer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Approved,
    Declined(Decline),
    /// Its owner must authenticate first.
    Authenticate,
    /// Approved, but not at once.
    Later,
}

use Verdict::{Approved, Authenticate, Declined, Later};

/// What becomes of refunds to a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundFate {
    Arrives,
    /// It is pending first.
    ArrivesLater,
    /// It seems to have arrived first.
    Fails,
}

/// A card that a test token stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    token: &'static str,
    pub(super) brand: &'static str,
    pub(super) funding: &'static str,
    pub(super) last4: &'static str,
    pub(super) verdict: Verdict,
    pub(super) refunds: RefundFate,
}

const fn card(token: &'static str, brand: &'static str, last4: &'static str, verdict: Verdict) -> Card {
    Card { token, brand, funding: "credit", last4, verdict, refunds: RefundFate::Arrives }
}

const fn debit(token: &'static str, brand: &'static str, last4: &'static str) -> Card {
    Card { funding: "debit", ..card(token, brand, last4, Approved) }
}

const fn refunded(token: &'static str, last4: &'static str, refunds: RefundFate) -> Card {
    Card { refunds, ..card(token, "visa", last4, Approved) }
}

const CARDS: &[Card] = &[
    card("pm_card_visa", "visa", "4242", Approved),
    debit("pm_card_visa_debit", "visa", "5556"),
    card("pm_card_mastercard", "mastercard", "4444", Approved),
    debit("pm_card_mastercard_debit", "mastercard", "8210"),
    card("pm_card_amex", "amex", "8431", Approved),
    card("pm_card_discover", "discover", "9424", Approved),
    card("pm_card_diners", "diners", "0004", Approved),
    card("pm_card_jcb", "jcb", "0505", Approved),
    card("pm_card_unionpay", "unionpay", "0005", Approved),
    card("pm_card_chargeDeclined", "visa", "0002", Declined(GENERIC)),
    card("pm_card_visa_chargeDeclined", "visa", "0002", Declined(GENERIC)),
    card("pm_card_chargeDeclinedInsufficientFunds", "visa", "9995", Declined(FUNDS)),
    card("pm_card_visa_chargeDeclinedInsufficientFunds", "visa", "9995", Declined(FUNDS)),
    card("pm_card_visa_chargeDeclinedLostCard", "visa", "9987", Declined(LOST)),
    card("pm_card_visa_chargeDeclinedStolenCard", "visa", "9979", Declined(STOLEN)),
    card("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "visa", "6975", Declined(VELOCITY)),
    card("pm_card_chargeDeclinedFraudulent", "visa", "0019", Declined(FRAUDULENT)),
    card("pm_card_visa_chargeDeclinedFraudulent", "visa", "0019", Declined(FRAUDULENT)),
    card("pm_card_radarBlock", "visa", "0019", Declined(FRAUDULENT)),
    card("pm_card_chargeDeclinedExpiredCard", "visa", "0069", Declined(EXPIRED)),
    card("pm_card_visa_chargeDeclinedExpiredCard", "visa", "0069", Declined(EXPIRED)),
    card("pm_card_chargeDeclinedIncorrectCvc", "visa", "0127", Declined(CVC)),
    card("pm_card_visa_chargeDeclinedIncorrectCvc", "visa", "0127", Declined(CVC)),
    card("pm_card_chargeDeclinedProcessingError", "visa", "0119", Declined(PROCESSING)),
    card("pm_card_visa_chargeDeclinedProcessingError", "visa", "0119", Declined(PROCESSING)),
    card("pm_card_authenticationRequired", "visa", "3184", Authenticate),
    refunded("pm_card_pendingRefund", "7726", RefundFate::ArrivesLater),
    refunded("pm_card_refundFail", "5126", RefundFate::Fails),
    card("pm_processing", "visa", "0077", Later),
];

/// A card that a customer saved.
const SAVED: Card = card("pm_of_", "visa", "4242", Approved);
const CUSTOMER: &str = "cus_";

/// The customer that a saved card is attached to.
pub(super) fn owner(token: &str) -> Option<String> {
    token.strip_prefix(SAVED.token).filter(|id| !id.is_empty()).map(|id| format!("{CUSTOMER}{id}"))
}

/// The shop's own id of a customer.
pub(super) fn customer_id(customer: &str) -> Option<&str> {
    customer.strip_prefix(CUSTOMER).filter(|id| !id.is_empty())
}

/// The card of a token.
///
/// # Errors
/// 400 `resource_missing`: Stripe knows no such token.
pub(super) fn find(token: &str) -> Result<Card, ApiError> {
    let saved = owner(token).map(|_| SAVED);
    let card = saved.or_else(|| CARDS.iter().find(|card| card.token == token).copied());
    card.ok_or_else(|| ApiError::no_such_parameter("PaymentMethod", token, "payment_method"))
}

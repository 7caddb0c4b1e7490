//! `PayPal`'s JSON, as far as it is read, and what it means.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;

use super::amounts;
use crate::domain::{
    money::Money,
    payment::{PaymentState, RefundState},
};

/// <https://developer.paypal.com/docs/api/orders/v2/#definition-order>
#[derive(Debug, Default, Deserialize)]
pub(super) struct Order {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    purchase_units: Vec<PurchaseUnit>,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Default, Deserialize)]
struct PurchaseUnit {
    custom_id: Option<String>,
    payments: Option<Payments>,
}

#[derive(Debug, Default, Deserialize)]
struct Payments {
    #[serde(default)]
    authorizations: Vec<Authorization>,
    #[serde(default)]
    captures: Vec<Capture>,
    #[serde(default)]
    refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
struct Link {
    href: SecretString,
    rel: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Authorization {
    pub id: String,
    #[serde(default)]
    status: String,
    expiration_time: Option<Timestamp>,
    processor_response: Option<ProcessorResponse>,
}

/// An authorisation or a capture that is read by itself, as far as it names its order.
#[derive(Debug, Deserialize)]
pub(super) struct OfOrder {
    supplementary_data: Option<SupplementaryData>,
}

#[derive(Debug, Deserialize)]
struct SupplementaryData {
    related_ids: Option<RelatedIds>,
}

#[derive(Debug, Deserialize)]
struct RelatedIds {
    order_id: Option<String>,
}

impl OfOrder {
    pub fn order_id(self) -> Option<String> {
        self.supplementary_data?.related_ids?.order_id
    }
}

#[derive(Clone, Debug, Deserialize)]
struct ProcessorResponse {
    response_code: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Capture {
    pub id: String,
    status: String,
    #[serde(default)]
    amount: Amount,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Amount {
    currency_code: String,
    value: String,
}

impl Amount {
    fn money(&self) -> Option<Money> {
        amounts::parsed(&self.currency_code, &self.value)
    }
}

/// <https://developer.paypal.com/docs/api/payments/v2/#definition-refund>
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    #[serde(default)]
    status: String,
    pub custom_id: Option<String>,
    status_details: Option<StatusDetails>,
    #[serde(default)]
    amount: Amount,
}

#[derive(Clone, Debug, Deserialize)]
struct StatusDetails {
    reason: Option<String>,
}

impl Order {
    fn payments(&self) -> impl DoubleEndedIterator<Item = &Payments> {
        self.purchase_units.iter().filter_map(|unit| unit.payments.as_ref())
    }

    /// What we called it: our order's id.
    pub fn custom_id(&self) -> Option<&str> {
        self.purchase_units.iter().find_map(|unit| unit.custom_id.as_deref())
    }

    /// The order's one authorisation; a denied one only when there is no other.
    pub fn authorization(&self) -> Option<&Authorization> {
        let all = || self.payments().flat_map(|payments| &payments.authorizations);
        all().find(|authorization| authorization.status != "DENIED").or_else(|| all().last())
    }

    /// The capture that took the money.
    pub fn capture(&self) -> Option<&Capture> {
        self.captures().find(|capture| capture.has_taken())
    }

    /// How much was taken, by all captures together.
    pub fn taken(&self) -> Option<Money> {
        let taken = self.captures().filter(|capture| capture.has_taken()).map(|capture| capture.amount.money());
        taken.reduce(|sum, more| Some(Money { amount: sum?.amount.checked_add(more?.amount)?, ..sum? })).flatten()
    }

    fn captures(&self) -> impl Iterator<Item = &Capture> {
        self.payments().flat_map(|payments| &payments.captures)
    }

    pub fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.payments().flat_map(|payments| &payments.refunds)
    }

    /// What it says of the attempt. The outcome is the authorisation's: a COMPLETED order may hold a DENIED one.
    pub fn state(&self) -> PaymentState {
        let Some(authorization) = self.authorization() else { return self.state_without_authorization() };
        match authorization.status.as_str() {
            // A capture that may have taken the money decides, whether the authorisation says so yet or not.
            "CREATED" if self.captures().any(|capture| !capture.has_failed()) => self.state_of_capture(),
            "CREATED" => PaymentState::Authorized { capture_before: authorization.expiration_time },
            "DENIED" => PaymentState::Declined(authorization.decline_code()),
            "VOIDED" | "EXPIRED" => PaymentState::Voided,
            "CAPTURED" | "PARTIALLY_CAPTURED" => self.state_of_capture(),
            _ => PaymentState::Undecided,
        }
    }

    fn state_without_authorization(&self) -> PaymentState {
        match self.status.as_str() {
            "CREATED" | "SAVED" | "APPROVED" => PaymentState::Prepared,
            "PAYER_ACTION_REQUIRED" => PaymentState::ActionRequired,
            "VOIDED" => PaymentState::Voided,
            _ => PaymentState::Undecided,
        }
    }

    /// The one capture is final: when it failed, the authorisation is used up and nothing can be charged any more.
    fn state_of_capture(&self) -> PaymentState {
        let captures: Vec<_> = self.captures().collect();
        if captures.is_empty() || captures.iter().any(|capture| capture.has_taken()) {
            PaymentState::Captured
        } else if captures.iter().all(|capture| capture.has_failed()) {
            PaymentState::Voided
        } else {
            PaymentState::Undecided
        }
    }

    /// Whether nothing is held by it and nothing can be: its only authorisation was denied, and another is not allowed.
    pub fn is_dead(&self) -> bool {
        self.status == "COMPLETED" && matches!(self.state(), PaymentState::Declined(_) | PaymentState::Voided)
    }

    /// Whether she approved it: then the method that she chose there is used, and none may be named.
    pub fn is_approved(&self) -> bool {
        self.status == "APPROVED"
    }

    /// Where she approves, only while `PayPal` waits for it.
    pub fn action_url(self) -> Option<SecretString> {
        if self.state() != PaymentState::ActionRequired {
            return None;
        }
        self.links.into_iter().find(|link| link.rel == "payer-action").map(|link| link.href)
    }
}

impl Authorization {
    pub fn is_held(&self) -> bool {
        matches!(self.status.as_str(), "CREATED" | "PENDING")
    }

    fn decline_code(&self) -> String {
        let code = self.processor_response.as_ref().and_then(|response| response.response_code.clone());
        code.unwrap_or_else(|| "denied".into())
    }
}

impl Capture {
    pub fn has_taken(&self) -> bool {
        matches!(self.status.as_str(), "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED")
    }

    fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "DECLINED" | "FAILED")
    }
}

impl Refund {
    pub fn amount(&self) -> Option<Money> {
        self.amount.money()
    }

    pub fn state(&self) -> RefundState {
        match self.status.as_str() {
            "COMPLETED" => RefundState::Refunded,
            status @ ("CANCELLED" | "FAILED") => {
                let reason = self.status_details.as_ref().and_then(|details| details.reason.clone());
                RefundState::Failed(reason.unwrap_or_else(|| status.to_lowercase()))
            }
            _ => RefundState::Pending,
        }
    }
}

/// <https://developer.paypal.com/docs/api/payment-tokens/v3/#payment-tokens_get>
#[derive(Debug, Deserialize)]
pub(super) struct VaultToken {
    pub customer: Option<VaultCustomer>,
}

#[derive(Debug, Deserialize)]
pub(super) struct VaultCustomer {
    /// Our id of her, which we gave when the method was saved.
    pub merchant_customer_id: Option<String>,
}

/// <https://developer.paypal.com/api/rest/responses/#link-failedrequests>
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(default)]
    issue: String,
    field: Option<String>,
}

impl ErrorBody {
    pub fn issues(&self) -> impl Iterator<Item = &str> {
        self.details.iter().map(|detail| detail.issue.as_str())
    }

    pub fn has(&self, issue: &str) -> bool {
        self.issues().any(|named| named == issue)
    }

    /// What is wrong with the payment method she chose, if that is what is wrong.
    pub fn decline(&self) -> Option<&str> {
        let about_the_method = |detail: &&Detail| {
            declines(&detail.issue) || detail.field.as_deref().is_some_and(|field| field.ends_with("/vault_id"))
        };
        self.details.iter().find(about_the_method).map(|detail| detail.issue.as_str())
    }

    /// Names and issues, nothing else: a description may quote what was sent.
    pub fn reason(&self, status: u16) -> String {
        let words = std::iter::once(self.name.as_str()).chain(self.issues()).filter(|word| !word.is_empty());
        words.fold(status.to_string(), |reason, word| reason + " " + word)
    }
}

/// The issues of <https://developer.paypal.com/api/rest/reference/orders/v2/errors/> that are about the payment method or
/// the account behind it, and so hers to change.
fn declines(issue: &str) -> bool {
    matches!(
        issue,
        "INSTRUMENT_DECLINED"
            | "PAYER_CANNOT_PAY"
            | "PAYER_ACCOUNT_LOCKED_OR_CLOSED"
            | "PAYER_ACCOUNT_RESTRICTED"
            | "PAYMENT_DENIED"
            | "TRANSACTION_REFUSED"
            | "TRANSACTION_LIMIT_EXCEEDED"
            | "TRANSACTION_BLOCKED_BY_PAYEE"
            | "PAYEE_BLOCKED_TRANSACTION"
            | "COMPLIANCE_VIOLATION"
            | "DOMESTIC_TRANSACTION_REQUIRED"
            | "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"
            | "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED"
            | "AGREEMENT_ALREADY_CANCELLED"
            | "BILLING_AGREEMENT_NOT_FOUND"
            | "TOKEN_EXPIRED"
            | "TOKEN_ID_NOT_FOUND"
            | "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE"
            | "UNSUPPORTED_INTENT_FOR_PAYMENT_SOURCE"
            | "PAYMENT_SOURCE_CANNOT_BE_USED"
            | "REFERENCED_CARD_EXPIRED"
            | "CARD_EXPIRED"
            | "CARD_CLOSED"
            | "CARD_BRAND_NOT_SUPPORTED"
    )
}

/// A page of <https://developer.paypal.com/docs/api/transaction-search/v1/>.
#[derive(Debug, Deserialize)]
pub(super) struct Transactions {
    #[serde(default)]
    pub transaction_details: Vec<TransactionDetail>,
    #[serde(default)]
    pub total_pages: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct TransactionDetail {
    pub transaction_info: Transaction,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Transaction {
    #[serde(rename = "transaction_id")]
    pub id: Option<String>,
    pub paypal_reference_id: Option<String>,
    pub paypal_reference_id_type: Option<String>,
    #[serde(rename = "transaction_event_code")]
    pub code: Option<String>,
    #[serde(rename = "transaction_status")]
    pub status: Option<String>,
    pub custom_field: Option<String>,
}

//! Talking to payment providers, each behind [`PaymentGateway`].
//!
//! Prepare, then act: [`prepare`](PaymentGateway::prepare) makes the provider's object without moving money, and its
//! reference is appended to the order before [`authorize`](PaymentGateway::authorize) acts on it. An attempt whose
//! outcome is unknown is resolved by reading that reference, never by repeating blindly.

pub mod breaker;
#[cfg(test)]
pub(crate) mod canned;
mod http;
pub mod paypal;
pub mod providers;
mod secret;
pub mod stripe;
pub mod webhooks;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

pub use self::http::Limits;
pub use crate::domain::payment::{ListedRefund, PaymentState, RefundState};
use crate::domain::{
    event::Provider,
    ids::{CustomerId, OrderId, RefundId},
    money::Money,
};

/// Why a provider's answer is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// It certainly did nothing: not reached, not let in, or asked for something that it refuses to do.
    #[error("{provider} did not do it: {reason}")]
    Failed {
        /// Who.
        provider: Provider,
        /// What was heard, for the log; never a token or a key.
        reason: String,
        /// The provider could not be reached or failed by itself, which counts for its circuit breaker.
        outage: bool,
    },
    /// It may have done it: only reading the reference tells.
    #[error("what became of the request to {provider} is unknown: {reason}")]
    Unknown {
        /// Who.
        provider: Provider,
        /// What was heard, for the log.
        reason: String,
        /// The provider could not be reached or failed by itself, which counts for its circuit breaker.
        outage: bool,
    },
}

impl PaymentError {
    /// Whether it counts for the provider's circuit breaker: a connection error, a timeout or a 5xx.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Failed { outage, .. } | Self::Unknown { outage, .. } => *outage,
        }
    }

    /// As a certain failure: of a request that moves nothing, whatever became of it.
    #[must_use]
    pub fn certain(self) -> Self {
        match self {
            Self::Unknown { provider, reason, outage } => Self::Failed { provider, reason, outage },
            failed @ Self::Failed { .. } => failed,
        }
    }
}

/// Whose a payment method is, as its provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MethodOwner {
    /// Nobody's yet, or everybody's: whoever holds the token may use it.
    Bearer,
    /// This customer's.
    Customer {
        /// Our id of her, as the provider keeps it.
        id: CustomerId,
        /// The provider's own id of her, which a payment with this method must name.
        account: Option<String>,
    },
    /// Somebody's who is not a customer of ours, or PayPal knows no such method. Stripe's is declined when it is used.
    Stranger,
}

/// What an attempt is prepared from.
#[derive(Clone, Copy, Debug)]
pub struct Preparation<'a> {
    /// The order, which the provider's object names.
    pub order_id: &'a OrderId,
    /// 1 for the first payment method.
    pub attempt: u32,
    /// How much.
    pub amount: Money,
    /// The provider's own id of the customer whom the payment method belongs to.
    pub account: Option<&'a str>,
}

/// A payment method whose owner its provider did not name during the checkout.
#[derive(Clone, Copy, Debug)]
pub struct Unasked<'a> {
    /// The method.
    pub token: &'a SecretString,
    /// Who wants to pay with it.
    pub customer: &'a CustomerId,
}

/// A payment as it stands in a provider's own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPayment {
    /// What the provider calls it.
    pub reference: String,
    /// Whether that is how `PaymentPrepared` names it: `PayPal` may tell a transaction only, and not of which attempt.
    pub names_attempt: bool,
    /// The order that it names, if it names one.
    pub order_id: Option<OrderId>,
    /// What the provider says of it.
    pub state: PaymentState,
}

/// A provider of payments. Every call is bounded in time.
#[async_trait]
pub trait PaymentGateway: Send + Sync + std::fmt::Debug {
    /// Whose this payment method is.
    async fn owner(&self, token: &SecretString) -> Result<MethodOwner, PaymentError>;

    /// Makes the provider's object for an attempt, without a payment method and without moving money, and answers its
    /// reference. A repeat makes another object; one that no event names is harmless. Every failure is certain.
    async fn prepare(&self, preparation: &Preparation<'_>) -> Result<String, PaymentError>;

    /// As [`prepare`](Self::prepare), once the provider has said whose the method is: its object names that customer's account,
    /// if the method is hers.
    async fn prepare_unasked(&self, preparation: &Preparation<'_>, method: Unasked<'_>) -> Result<String, PaymentError> {
        let account = match self.owner(method.token).await.map_err(PaymentError::certain)? {
            MethodOwner::Customer { id, account } if id == *method.customer => account,
            MethodOwner::Bearer | MethodOwner::Customer { .. } | MethodOwner::Stranger => None,
        };
        self.prepare(&Preparation { account: account.as_deref(), ..*preparation }).await
    }

    /// Holds the amount on the payment method. A repeat after an unknown answer must read first.
    async fn authorize(&self, order_id: &OrderId, reference: &str, token: &SecretString) -> Result<PaymentState, PaymentError>;

    /// What the provider says of the attempt now.
    async fn read(&self, reference: &str) -> Result<PaymentState, PaymentError>;

    /// Where the customer authenticates or approves, read anew each time; nothing, when she need not or may not any more.
    async fn action_url(&self, reference: &str) -> Result<Option<SecretString>, PaymentError>;

    /// Frees what is held and makes the attempt dead. A repeat answers [`PaymentState::Voided`] again. What cannot be
    /// cancelled at this provider is answered as it stands.
    async fn void(&self, reference: &str) -> Result<PaymentState, PaymentError>;

    /// Takes all that is held, once and for all. A repeat answers [`PaymentState::Captured`] again.
    async fn capture(&self, reference: &str, amount: Money) -> Result<PaymentState, PaymentError>;

    /// Gives some of it back under this id. The provider answers the same key in the same way again, also with an error that
    /// it saved. A repeat after an unknown answer must look with [`find_refund`](Self::find_refund) first.
    async fn refund(&self, reference: &str, refund: &RefundId, key: &str, amount: Money) -> Result<RefundState, PaymentError>;

    /// All refunds of this payment, whoever made them.
    async fn refunds(&self, reference: &str) -> Result<Vec<ListedRefund>, PaymentError>;

    /// What became of the refund with this id, looked up among the payment's refunds; nothing, if there is no such refund.
    async fn find_refund(&self, reference: &str, refund: &RefundId) -> Result<Option<RefundState>, PaymentError> {
        Ok(ListedRefund::state_of(refund, &self.refunds(reference).await?).cloned())
    }

    /// How much of a payment was taken, whoever took it, and whatever went back since; nothing, if nothing was.
    async fn taken(&self, reference: &str) -> Result<Option<Money>, PaymentError>;

    /// The order that this payment names; nothing, if it names none or there is no such payment.
    async fn order_of(&self, reference: &str) -> Result<Option<OrderId>, PaymentError>;

    /// The payments in the provider's own list that were made since.
    async fn list(&self, since: Timestamp) -> Result<Vec<ListedPayment>, PaymentError>;

    /// Opens the connection and fetches the credentials, so that the first payment finds them there.
    async fn warm(&self);
}

/// Whether this could be a provider's token at all: what is not goes into no path.
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// Where she comes back to from a provider's page.
fn return_url(shop_url: &str, order_id: &OrderId) -> String {
    format!("{}/#/orders/{order_id}", shop_url.trim_end_matches('/'))
}

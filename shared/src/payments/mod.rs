//! Talking to payment providers, each behind [`PaymentGateway`].
//!
//! Prepare, then act: [`prepare`](PaymentGateway::prepare) makes the provider's object without moving money, and its
//! reference is appended to the order before [`authorize`](PaymentGateway::authorize) acts on it. An attempt whose
//! outcome is unknown is resolved by reading that reference, never by repeating blindly.

pub mod providers;
mod secret;
pub mod stripe;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::domain::{ids::OrderId, money::Money};

/// What a provider says of a prepared attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Nothing was tried with it yet: it may be authorised.
    Prepared,
    /// The money is held.
    Authorized,
    /// The method was refused, with the provider's own code.
    Declined(String),
    /// The provider has not decided, or waits for the customer.
    Undecided,
    /// It is dead: nothing is held and nothing can be charged.
    Voided,
    /// The money was taken.
    Captured,
}

/// Why a provider's answer is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// It certainly did nothing: not reached, not let in, or asked for something that it refuses to do.
    #[error("{provider} did not do it: {reason}")]
    Failed {
        /// Who.
        provider: &'static str,
        /// What was heard, for the log; never a token or a key.
        reason: String,
    },
    /// It may have done it: only reading the reference tells.
    #[error("what became of the request to {provider} is unknown: {reason}")]
    Unknown {
        /// Who.
        provider: &'static str,
        /// What was heard, for the log.
        reason: String,
    },
}

/// A provider of payments. Every call is bounded in time.
#[async_trait]
pub trait PaymentGateway: Send + Sync + std::fmt::Debug {
    /// Makes the provider's object for an attempt, without a payment method and without moving money, and answers its
    /// reference. A repeat makes another object; one that no event names is harmless.
    async fn prepare(&self, order_id: &OrderId, attempt: u32, amount: Money) -> Result<String, PaymentError>;

    /// Holds the amount on the payment method. A repeat after an unknown answer must read first.
    async fn authorize(&self, order_id: &OrderId, reference: &str, token: &SecretString) -> Result<PaymentState, PaymentError>;

    /// What the provider says of the attempt now.
    async fn read(&self, reference: &str) -> Result<PaymentState, PaymentError>;

    /// Frees what is held and makes the attempt dead. A repeat answers [`PaymentState::Voided`] again.
    async fn void(&self, reference: &str) -> Result<PaymentState, PaymentError>;

    /// Opens the connection and fetches the credentials, so that the first payment finds them there.
    async fn warm(&self);
}

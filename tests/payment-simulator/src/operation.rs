//! Whom and what a request, a fault and a line of the ledger are about.

use serde::{Deserialize, Serialize};

/// A provider that is played here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    Stripe,
    PayPal,
}

/// What a request to a provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    /// Makes the provider's object; moves no money.
    Prepare,
    /// Holds the money.
    Authorize,
    /// Takes what is held.
    Capture,
    /// Lets go of what is held.
    Void,
    /// Gives back what was taken.
    Refund,
    /// Looks; changes nothing.
    Read,
}

/// What one request is for, and whom.
#[derive(Clone, Debug)]
pub(crate) struct Purpose {
    pub(crate) operation: Operation,
    /// The shop's order, where the request or what it is about names one.
    pub(crate) order_id: Option<String>,
}

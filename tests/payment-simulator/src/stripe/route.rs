//! Which call of Stripe's a request is.

use axum::http::Method;

use crate::operation::Operation;

/// A call, by its method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Create,
    List,
    Retrieve(String),
    Confirm(String),
    Capture(String),
    Cancel(String),
    Refund,
    ListRefunds,
    RetrieveRefund(String),
    RetrieveMethod(String),
    RetrieveCustomer(String),
}

impl Route {
    /// None: Stripe has no such path, or it is not played here.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["v1", "payment_intents"]) => Some(Self::Create),
            ("GET", ["v1", "payment_intents"]) => Some(Self::List),
            ("GET", ["v1", "payment_intents", id]) => Some(Self::Retrieve((*id).into())),
            ("POST", ["v1", "payment_intents", id, "confirm"]) => Some(Self::Confirm((*id).into())),
            ("POST", ["v1", "payment_intents", id, "capture"]) => Some(Self::Capture((*id).into())),
            ("POST", ["v1", "payment_intents", id, "cancel"]) => Some(Self::Cancel((*id).into())),
            ("POST", ["v1", "refunds"]) => Some(Self::Refund),
            ("GET", ["v1", "refunds"]) => Some(Self::ListRefunds),
            ("GET", ["v1", "refunds", id]) => Some(Self::RetrieveRefund((*id).into())),
            ("GET", ["v1", "payment_methods", id]) => Some(Self::RetrieveMethod((*id).into())),
            ("GET", ["v1", "customers", id]) => Some(Self::RetrieveCustomer((*id).into())),
            _ => None,
        }
    }

    /// The intent or the refund that the path names.
    pub(super) fn object(&self) -> Option<&str> {
        match self {
            Self::RetrieveRefund(id) => Some(id),
            _ => self.intent(),
        }
    }

    /// The intent that the path names.
    fn intent(&self) -> Option<&str> {
        match self {
            Self::Retrieve(id) | Self::Confirm(id) | Self::Capture(id) | Self::Cancel(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it answers with an intent.
    pub(super) fn answers_with_intent(&self) -> bool {
        matches!(self, Self::Create) || self.intent().is_some()
    }

    /// What it is for; an intent that is made and confirmed at once is an authorisation.
    pub(super) fn operation(&self, confirmed_at_once: bool) -> Operation {
        match self {
            Self::Create if confirmed_at_once => Operation::Authorize,
            Self::Create => Operation::Prepare,
            Self::List
            | Self::Retrieve(_)
            | Self::ListRefunds
            | Self::RetrieveRefund(_)
            | Self::RetrieveMethod(_)
            | Self::RetrieveCustomer(_) => Operation::Read,
            Self::Confirm(_) => Operation::Authorize,
            Self::Capture(_) => Operation::Capture,
            Self::Cancel(_) => Operation::Void,
            Self::Refund => Operation::Refund,
        }
    }
}

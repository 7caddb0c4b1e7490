//! Which call of PayPal's a request is.

use axum::http::Method;

use crate::operation::Operation;

/// A call, by its method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    CreateOrder,
    ReadOrder(String),
    Authorize(String),
    ReadAuthorization(String),
    Capture(String),
    Void(String),
    ReadCapture(String),
    Refund(String),
    ReadRefund(String),
    ReadToken(String),
    Transactions,
}

impl Route {
    /// None: PayPal has no such path, or it is not played here.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["v2", "checkout", "orders"]) => Some(Self::CreateOrder),
            ("GET", ["v2", "checkout", "orders", id]) => Some(Self::ReadOrder((*id).into())),
            ("POST", ["v2", "checkout", "orders", id, "authorize"]) => Some(Self::Authorize((*id).into())),
            ("GET", ["v2", "payments", "authorizations", id]) => Some(Self::ReadAuthorization((*id).into())),
            ("POST", ["v2", "payments", "authorizations", id, "capture"]) => Some(Self::Capture((*id).into())),
            ("POST", ["v2", "payments", "authorizations", id, "void"]) => Some(Self::Void((*id).into())),
            ("GET", ["v2", "payments", "captures", id]) => Some(Self::ReadCapture((*id).into())),
            ("POST", ["v2", "payments", "captures", id, "refund"]) => Some(Self::Refund((*id).into())),
            ("GET", ["v2", "payments", "refunds", id]) => Some(Self::ReadRefund((*id).into())),
            ("GET", ["v3", "vault", "payment-tokens", id]) => Some(Self::ReadToken((*id).into())),
            ("GET", ["v1", "reporting", "transactions"]) => Some(Self::Transactions),
            _ => None,
        }
    }

    /// The order, authorisation, capture or refund that the path names.
    pub(super) fn object(&self) -> Option<&str> {
        match self {
            Self::ReadOrder(id)
            | Self::Authorize(id)
            | Self::ReadAuthorization(id)
            | Self::Capture(id)
            | Self::Void(id)
            | Self::ReadCapture(id)
            | Self::Refund(id)
            | Self::ReadRefund(id) => Some(id),
            Self::CreateOrder | Self::ReadToken(_) | Self::Transactions => None,
        }
    }

    /// Whether it belongs to the Orders API, and not to Payments.
    pub(super) fn is_about_orders(&self) -> bool {
        matches!(self, Self::CreateOrder | Self::ReadOrder(_) | Self::Authorize(_))
    }

    /// What it is for.
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::CreateOrder => Operation::Prepare,
            Self::Authorize(_) => Operation::Authorize,
            Self::Capture(_) => Operation::Capture,
            Self::Void(_) => Operation::Void,
            Self::Refund(_) => Operation::Refund,
            Self::ReadOrder(_)
            | Self::ReadAuthorization(_)
            | Self::ReadCapture(_)
            | Self::ReadRefund(_)
            | Self::ReadToken(_)
            | Self::Transactions => Operation::Read,
        }
    }
}

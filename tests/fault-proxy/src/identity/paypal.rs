//! PayPal's operations.

use hyper::Method;

use super::{parts, verb};

/// `AuthorizeOrder` of `POST /v2/checkout/orders/{id}/authorize`.
pub(super) fn operation(method: &Method, path: &str) -> Option<String> {
    let parts = parts(path);
    let is_post = method == Method::POST;
    let named = |resource: &str| Some(format!("{}{resource}", verb(method, false)?));
    let collection = |single: &str| {
        let verb = verb(method, true)?;
        Some(format!("{verb}{single}{}", if verb == "List" { "s" } else { "" }))
    };
    match parts.as_slice() {
        ["v1", "oauth2", "token"] if is_post => Some("Token".into()),
        ["v2", "checkout", "orders"] => collection("Order"),
        ["v2", "checkout", "orders", _] => named("Order"),
        ["v2", "checkout", "orders", _, action] if is_post => acted(action, "Order"),
        ["v2", "payments", "authorizations", _] => named("Authorization"),
        ["v2", "payments", "authorizations", _, action] if is_post => acted(action, "Authorization"),
        ["v2", "payments", "captures", _] => named("Capture"),
        ["v2", "payments", "captures", _, "refund"] if is_post => acted("refund", "Capture"),
        ["v2", "payments", "refunds", _] => named("Refund"),
        ["v3", "vault", "payment-tokens"] => collection("PaymentToken"),
        ["v3", "vault", "payment-tokens", _] => named("PaymentToken"),
        ["v3", "vault", "setup-tokens"] => collection("SetupToken"),
        ["v3", "vault", "setup-tokens", _] => named("SetupToken"),
        ["v1", "reporting", "transactions"] => collection("Transaction"),
        ["v1", "notifications", "verify-webhook-signature"] => Some("VerifyWebhookSignature".into()),
        _ => None,
    }
}

fn acted(action: &str, on: &str) -> Option<String> {
    let verb = match action {
        "authorize" => "Authorize",
        "capture" => "Capture",
        "void" => "Void",
        "reauthorize" => "Reauthorize",
        "refund" => "Refund",
        "confirm-payment-source" => "Confirm",
        _ => return None,
    };
    Some(format!("{verb}{on}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paypals_operations_are_named_by_what_they_do() {
        for (method, path, name) in [
            (Method::POST, "/v1/oauth2/token", Some("Token")),
            (Method::POST, "/v2/checkout/orders", Some("CreateOrder")),
            (Method::GET, "/v2/checkout/orders/5O1", Some("GetOrder")),
            (Method::POST, "/v2/checkout/orders/5O1/authorize", Some("AuthorizeOrder")),
            (Method::GET, "/v2/payments/authorizations/0A", Some("GetAuthorization")),
            (Method::POST, "/v2/payments/authorizations/0A/capture", Some("CaptureAuthorization")),
            (Method::POST, "/v2/payments/authorizations/0A/void", Some("VoidAuthorization")),
            (Method::GET, "/v2/payments/captures/2G", Some("GetCapture")),
            (Method::POST, "/v2/payments/captures/2G/refund", Some("RefundCapture")),
            (Method::GET, "/v2/payments/refunds/1J", Some("GetRefund")),
            (Method::GET, "/v3/vault/payment-tokens/8k", Some("GetPaymentToken")),
            (Method::GET, "/v1/reporting/transactions", Some("ListTransactions")),
            (Method::POST, "/v2/checkout/orders/5O1/track", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(operation(&method, path).as_deref(), name, "{method} {path}");
        }
    }
}

//! Who may call: access tokens, as OAuth 2.0 has them: <https://developer.paypal.com/api/rest/authentication/>.

use std::{collections::HashMap, sync::Mutex};

use axum::http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::headers;
use crate::{agenda::after, lock};

const CLIENT_ID: &str = "simulator";
const SECRET: &str = "simulator-secret";
/// Nine hours, in seconds.
const LIFETIME: i64 = 32_400;

/// The tokens that were given out, with the time at which each ends.
#[derive(Debug, Default)]
pub(super) struct Access {
    tokens: Mutex<HashMap<String, Timestamp>>,
}

impl Access {
    /// Answers a request for a token: status and body. The errors have the shape of OAuth's own.
    pub(super) fn grant(&self, request_headers: &HeaderMap, body: &[u8], now: Timestamp) -> (u16, Value) {
        let client = headers::basic(request_headers);
        if client.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str())) != Some((CLIENT_ID, SECRET)) {
            return (401, json!({"error": "invalid_client", "error_description": "Client Authentication failed"}));
        }
        let grant = form_urlencoded::parse(body).find(|(name, _)| name == "grant_type");
        if grant.is_none_or(|(_, grant)| grant != "client_credentials") {
            return (400, json!({"error": "unsupported_grant_type", "error_description": "Grant Type is unsupported"}));
        }
        let token = format!("A21AA{}", Uuid::new_v4().simple());
        lock(&self.tokens).insert(token.clone(), after(now, LIFETIME));
        let answer = json!({
            "scope": "https://uri.paypal.com/services/payments/payment",
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-SIMULATOR",
            "expires_in": LIFETIME,
            "nonce": format!("{now}{}", Uuid::new_v4().simple()),
        });
        (200, answer)
    }

    /// Whether the caller has a token that was given out and is still good.
    pub(super) fn admits(&self, request_headers: &HeaderMap, now: Timestamp) -> bool {
        let tokens = lock(&self.tokens);
        headers::bearer(request_headers).and_then(|token| tokens.get(token)).is_some_and(|end| now < *end)
    }

    /// No token is good any more.
    pub(super) fn clear(&self) {
        lock(&self.tokens).clear();
    }
}

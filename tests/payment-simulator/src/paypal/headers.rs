//! What PayPal reads from a request's headers.

use axum::http::HeaderMap;
use base64::{Engine, prelude::BASE64_STANDARD};

use super::error::ApiError;

const LONGEST_REQUEST_ID: usize = 108;

/// A header's text; none when it is absent or not text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The bearer token.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, "authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// User and password of HTTP Basic.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, credentials) = text(headers, "authorization")?.split_once(' ')?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.into(), password.into()))
}

/// The idempotency key. PayPal lets some calls go without; here every POST must have one, since a repeat without it is a
/// second payment.
pub(super) fn request_id(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing = || ApiError::invalid("PAYPAL_REQUEST_ID_REQUIRED").location("header");
    let id = text(headers, "paypal-request-id").ok_or_else(missing)?;
    if (1..=LONGEST_REQUEST_ID).contains(&id.len()) {
        Ok(id)
    } else {
        Err(ApiError::invalid("INVALID_STRING_LENGTH").value(id).location("header"))
    }
}

/// Bodies are JSON.
pub(super) fn check_content_type(headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    let is_json = text(headers, "content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if body.is_empty() || is_json { Ok(()) } else { Err(ApiError::unsupported_media_type()) }
}

/// Whether the caller wants the whole object; else it gets the id, the status and the links.
pub(super) fn wants_representation(headers: &HeaderMap) -> bool {
    text(headers, "prefer").is_some_and(|prefer| prefer.split([',', ';']).any(|wish| wish.trim() == "return=representation"))
}

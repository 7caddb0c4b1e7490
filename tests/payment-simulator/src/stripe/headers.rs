//! What Stripe reads from a request's headers.

use axum::http::{HeaderMap, Method};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::error::ApiError;

const LONGEST_KEY: usize = 255;

/// A header's text; none when it is absent or not text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The caller has a test key, as a bearer token or as the user of HTTP Basic.
pub(super) fn authenticate(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = text(headers, "authorization").and_then(secret_key);
    let Some(key) = given else {
        return Err(ApiError::unauthorized("You did not provide an API key, as a bearer token or as the user of HTTP Basic."));
    };
    match key.strip_prefix("sk_test_") {
        Some(rest) if !rest.is_empty() => Ok(()),
        _ => Err(ApiError::unauthorized("Invalid API Key provided: only sk_test_… keys work here.")),
    }
}

fn secret_key(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    match scheme.to_lowercase().as_str() {
        "bearer" => Some(credentials.trim().to_owned()),
        "basic" => {
            let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
            decoded.split_once(':').map(|(user, _)| user.to_owned())
        }
        _ => None,
    }
}

/// The API version is pinned. Stripe would fall back to the account's own; here it is demanded, since an adapter that
/// does not pin it is changed from afar.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(version) = text(headers, "stripe-version") else {
        return Err(ApiError::invalid("The Stripe-Version header is missing; the simulator demands that it is pinned."));
    };
    let date = version.split('.').next().unwrap_or_default();
    match date.parse::<jiff::civil::Date>() {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::invalid(format!("Invalid Stripe API version: {version}"))),
    }
}

/// Bodies are forms, whatever else the caller prefers.
pub(super) fn check_content_type(headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    let form = text(headers, "content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if body.is_empty() || form {
        Ok(())
    } else {
        Err(ApiError::invalid("Invalid request (check that your POST content type is application/x-www-form-urlencoded)."))
    }
}

/// The idempotency key; on anything but a POST it has no effect.
pub(super) fn idempotency_key<'a>(method: &Method, headers: &'a HeaderMap) -> Result<Option<&'a str>, ApiError> {
    let key = text(headers, "idempotency-key").filter(|_| method == Method::POST);
    if key.is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
        return Err(ApiError::invalid(format!("Idempotency keys must have 1 to {LONGEST_KEY} characters.")));
    }
    Ok(key)
}

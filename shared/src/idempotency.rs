//! The contract's semantics of `Idempotency-Key`, for every POST: claim, work, keep the answer for repeats.

use std::time::Duration;

use jiff::Timestamp;
use lambda_http::{
    Request,
    http::{HeaderName, HeaderValue, header},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    domain::ids::{CustomerId, OrderId},
    http::{Answer, FieldError, Problem, json_answer},
    repositories::idempotency_keys::{IdempotencyKeysTable, NextAction, RequestKey, SavedAnswer},
};

const MAX_BODY: usize = 64 * 1024;

/// How a request came out.
#[derive(Debug)]
pub enum Done {
    /// It took effect: a repeat gets this answer. `repeated`: an earlier request took effect, this one found it.
    Kept {
        /// The answer.
        answer: SavedAnswer,
        /// Whether it was found.
        repeated: bool,
    },
    /// It changed nothing: a repeat is judged afresh.
    Nothing(Problem),
    /// Whether it changed anything is not known: the key stays taken until its lease runs out, and a repeat finds out.
    Unknown(Problem),
}

/// One request, as its key knows it.
#[derive(Clone, Copy, Debug)]
pub struct Keyed<'a> {
    /// Who sent it.
    pub customer: &'a CustomerId,
    /// The route, which keys are unique within.
    pub route: &'a str,
    /// Her key.
    pub key: &'a str,
    /// What a repeat must match.
    pub fingerprint: &'a str,
}

/// Works on a request under its key: a repeat gets the same answer, another request with the same key 422, and one that
/// is being worked on 409 with `Retry-After`.
///
/// # Errors
/// A [`Problem`].
pub async fn once(keys: &IdempotencyKeysTable, request: Keyed<'_>, work: impl Future<Output = Done>) -> Result<Answer, Problem> {
    let key = RequestKey::new(request.customer, request.route, request.key);
    let lease = match keys.claim(key, request.fingerprint, Timestamp::now()).await.map_err(|error| unavailable(&error))? {
        NextAction::Start(lease) => lease,
        NextAction::Replay(answer) => return Ok(replayed(&answer)),
        NextAction::InProgress(left) => return Err(in_progress(left)),
        NextAction::Mismatch => return Err(key_reused()),
    };
    match work.await {
        Done::Kept { answer, repeated } => {
            match keys.save(&lease, &answer).await {
                Ok(true) => {}
                // What is not kept is not told: a repeat could be answered otherwise.
                Ok(false) => {
                    tracing::warn!("another took the request over; its answer is kept");
                    return Err(in_progress(Duration::ZERO));
                }
                Err(error) => return Err(unavailable(&error)),
            }
            Ok(if repeated { replayed(&answer) } else { http_answer(&answer) })
        }
        Done::Nothing(problem) => {
            if let Err(error) = keys.release(&lease).await {
                tracing::warn!(%error, "the key was not given free; its lease runs out");
            }
            Err(problem)
        }
        Done::Unknown(problem) => Err(problem),
    }
}

/// The request's key.
///
/// # Errors
/// 400: there is none, or it is none.
pub fn key_of(request: &Request) -> Result<String, Problem> {
    let name = "Idempotency-Key";
    let Some(value) = request.headers().get(name) else {
        let detail =
            "Send an `Idempotency-Key` header: one new UUID for each request that you mean, the same one for each repeat of it.";
        return Err(Problem::new(400, "idempotency_key_missing", "The idempotency key is missing", detail));
    };
    let key = value.to_str().unwrap_or_default().trim();
    let printable = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let wrong = FieldError::new(name, "must be 1 to 255 printable ASCII characters");
    if printable { Ok(key.to_owned()) } else { Err(Problem::validation(&[wrong])) }
}

/// The request's body as JSON.
///
/// # Errors
/// 415, 413 or 400.
pub fn json_body(request: &Request) -> Result<Value, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let detail = "Send the body as JSON, with `Content-Type: application/json`.";
        return Err(Problem::new(415, "unsupported_media_type", "The body's format is not supported", detail));
    }
    let bytes: &[u8] = request.body();
    if bytes.len() > MAX_BODY {
        let detail = format!("The body has {} bytes; at most {MAX_BODY} are taken.", bytes.len());
        return Err(Problem::new(413, "body_too_large", "The body is too large", detail));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // Where it stopped, not what stood there: the body may hold a token.
        let detail = format!("is not JSON: see line {}, column {}", error.line(), error.column());
        Problem::validation(&[FieldError::new("", detail)])
    })
}

/// SHA-256 of the order's id and the body as JSON: the order of members and the white space do not count. The id keeps
/// two orders with the same address or token from showing the same fingerprint.
pub fn fingerprint(order_id: &OrderId, body: &Value) -> String {
    let mut digest = String::with_capacity(64);
    for byte in Sha256::digest(format!("{order_id}\n{body}")) {
        use std::fmt::Write;
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// A kept answer, as it goes out.
pub fn http_answer(answer: &SavedAnswer) -> Answer {
    let mut http = json_answer(answer.status, answer.body.clone());
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            http.headers_mut().insert(name, value);
        }
    }
    http
}

/// A kept answer, as a repeat gets it.
pub fn replayed(answer: &SavedAnswer) -> Answer {
    let mut http = http_answer(answer);
    http.headers_mut().insert("Idempotent-Replayed", HeaderValue::from_static("true"));
    http
}

/// 422: the key stands for another request.
pub fn key_reused() -> Problem {
    let detail = "This Idempotency-Key belongs to a request with another body. Use a new key for a new request.";
    Problem::new(422, "idempotency_key_reused", "The idempotency key was used before", detail)
}

/// 503: a table did not answer.
pub fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a table did not answer");
    Problem::overloaded()
}

fn in_progress(left: Duration) -> Problem {
    let detail = "A request with this Idempotency-Key is being worked on. Repeat it after the time in Retry-After.";
    // Usually it is done long before its lease runs out.
    let seconds = left.as_secs().clamp(1, 2);
    Problem::new(409, "idempotency_in_progress", "The same request is in progress", detail).retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, http};
    use serde_json::json;

    use super::*;

    fn request(content_type: &str, body: impl Into<Body>) -> Request {
        http::Request::builder().header("Content-Type", content_type).body(body.into()).unwrap()
    }

    #[test]
    fn bodies_are_compared_as_json_and_not_as_bytes() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":{"c":[1,2],"d":null}}"#).unwrap();
        let two: Value = serde_json::from_str("{ \"b\": {\"d\":null, \"c\":[1,2]},\n\"a\":1 }").unwrap();
        let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        let other_id: OrderId = "ord_00000000000000000000000000000002".parse().unwrap();
        assert_eq!(fingerprint(&order_id, &one), fingerprint(&order_id, &two));
        assert_ne!(fingerprint(&order_id, &one), fingerprint(&other_id, &one));
        assert_ne!(fingerprint(&order_id, &one), fingerprint(&order_id, &json!({"a": 1, "b": {"c": [2, 1], "d": null}})));
    }

    #[test]
    fn a_body_that_is_too_large_or_no_json_is_refused_with_its_own_status() {
        assert_eq!(json_body(&request("text/plain", "{}")).unwrap_err().status, 415);
        let of_size = |bytes: usize| json_body(&request("application/json", format!("\"{}\"", "x".repeat(bytes - 2))));
        assert_eq!(of_size(65_537).unwrap_err().status, 413);
        assert!(of_size(65_536).is_ok());
        assert_eq!(json_body(&request("application/json", "{")).unwrap_err().code, "validation_failed");
        assert!(json_body(&request("Application/JSON; charset=utf-8", "{}")).is_ok());
    }

    #[test]
    fn a_key_is_1_to_255_printable_characters() {
        let with_key = |key: &str| http::Request::builder().header("Idempotency-Key", key).body(Body::Empty).unwrap();
        assert_eq!(key_of(&request("x", "")).unwrap_err().code, "idempotency_key_missing");
        assert_eq!(key_of(&with_key(&"k".repeat(255))).unwrap().len(), 255);
        assert_eq!(key_of(&with_key(" one two ")).unwrap(), "one two");
        for key in [String::new(), "k".repeat(256), "one\ttwo".into(), "kettlé".into()] {
            assert_eq!(key_of(&with_key(&key)).unwrap_err().code, "validation_failed", "{key}");
        }
    }

    #[test]
    fn a_fingerprint_is_a_sha_256_in_hexadecimal() {
        let order_id: OrderId = "ord_00000000000000000000000000000001".parse().unwrap();
        // printf 'ord_00000000000000000000000000000001\n{}' | sha256sum
        let expected = "d8e219eee62c72da365daee85ee23318d0c255e33b6347e10b66568f9deddc60";
        assert_eq!(fingerprint(&order_id, &json!({})), expected);
    }

    #[test]
    fn a_repeat_gets_the_kept_answer_and_is_told_that_it_is_one() {
        let headers = vec![("Location".to_owned(), "/v1/orders/1".to_owned()), ("no name".to_owned(), "x".to_owned())];
        let answer = SavedAnswer { status: 201, body: "{\"a\":1}".into(), headers };
        let (first, repeat) = (http_answer(&answer), replayed(&answer));
        for given in [&first, &repeat] {
            assert_eq!((given.status().as_u16(), given.headers()["location"].to_str().unwrap()), (201, "/v1/orders/1"));
            assert_eq!(given.body(), first.body());
        }
        assert!(first.headers().get("Idempotent-Replayed").is_none());
        assert_eq!(repeat.headers()["Idempotent-Replayed"], "true");
    }

    #[test]
    fn each_reason_to_send_again_or_not_has_its_own_status_and_a_wait_of_a_second_or_two() {
        assert_eq!((key_reused().status, key_reused().code), (422, "idempotency_key_reused"));
        for (left, seconds) in [(0, "1"), (1_500, "1"), (2_000, "2"), (30_000, "2")] {
            let answer = in_progress(Duration::from_millis(left)).answer("/v1/checkout");
            assert_eq!(answer.status(), 409);
            assert_eq!(answer.headers()["retry-after"], seconds, "{left} ms are left");
        }
        assert_eq!(unavailable(&std::fmt::Error).status, 503);
    }
}

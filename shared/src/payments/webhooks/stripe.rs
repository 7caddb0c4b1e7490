//! Stripe's webhooks: <https://docs.stripe.com/webhooks#verify-manually>.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use super::{WebhookError, WebhookEvent, rejected};
use crate::domain::event::Provider;

/// How far Stripe's clock and ours may be apart, both ways: Stripe signs each delivery anew.
const TOLERANCE: Duration = Duration::from_mins(5);

/// Whether Stripe signed these bytes with one of its active secrets, a short while ago.
pub(super) fn verify(header: &str, body: &[u8], secrets: &[SecretString], now: Timestamp) -> Result<(), WebhookError> {
    let values = |wanted: &'static str| {
        let pairs = header.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let signed_at = values("t").next().ok_or_else(|| rejected("the signature has no time"))?;
    let second: i64 = signed_at.parse().map_err(|_| rejected("the signature's time is no time"))?;
    if now.as_second().abs_diff(second) > TOLERANCE.as_secs() {
        return Err(rejected("the signature is too old, or of the future"));
    }
    let signatures: Vec<_> = values("v1").filter_map(from_hex).collect();
    let is_signed = |secret: &SecretString| signatures.iter().any(|signature| is_signature(signature, secret, signed_at, body));
    if secrets.iter().any(is_signed) { Ok(()) } else { Err(rejected("no signature of Stripe's")) }
}

/// Compares in constant time.
fn is_signature(signature: &[u8], secret: &SecretString, signed_at: &str, body: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

/// <https://docs.stripe.com/api/events/object>
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// A `PaymentIntent`, or what names one: a charge, a refund, a dispute.
#[derive(Deserialize)]
struct Object {
    #[serde(default, rename = "object")]
    kind: String,
    id: Option<String>,
    payment_intent: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    order_id: Option<String>,
}

/// The event in these bytes, which were verified.
pub(super) fn read(body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    let Event { id, kind, data: Data { object } } = serde_json::from_slice(body).map_err(|_| rejected("it is not an event"))?;
    Ok(WebhookEvent {
        provider: Provider::Stripe,
        id,
        kind,
        reference: if object.kind == "payment_intent" { object.id } else { object.payment_intent },
        order_id: object.metadata.and_then(|metadata| metadata.order_id).and_then(|id| id.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1","type":"payment_intent.succeeded"}"#;
    const SIGNED_AT: i64 = 1_764_100_000;

    fn signature(secret: &str, second: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{second}.").as_bytes());
        mac.update(body);
        mac.finalize().into_bytes().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    fn is_taken(header: &str, body: &[u8], secrets: &[&str], now: i64) -> bool {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        verify(header, body, &secrets, Timestamp::from_second(now).unwrap()).is_ok()
    }

    #[test]
    fn a_signature_is_the_one_that_stripe_documents() {
        // echo -n '1764100000.{}' | openssl dgst -sha256 -hmac whsec_test
        let header = "t=1764100000,v1=27525123e9d7235ddac92869d07abb3af7369b6de7670bd1ae68c90f910244a0";
        assert!(is_taken(header, b"{}", &["whsec_test"], SIGNED_AT), "{}", signature("whsec_test", SIGNED_AT, b"{}"));
    }

    #[test]
    fn any_signature_by_any_active_secret_is_enough() {
        let good = signature("new", SIGNED_AT, BODY);
        let header = format!("t={SIGNED_AT},v1={},v0=00,v1={good}", signature("retired", SIGNED_AT, BODY));
        assert!(is_taken(&header, BODY, &["old", "new"], SIGNED_AT));
        assert!(!is_taken(&header, BODY, &["old"], SIGNED_AT));
        assert!(!is_taken(&header, BODY, &[], SIGNED_AT));
    }

    #[test]
    fn other_bytes_another_time_or_another_scheme_are_not_signed() {
        let good = signature("s", SIGNED_AT, BODY);
        assert!(is_taken(&format!("t={SIGNED_AT},v1={good}"), BODY, &["s"], SIGNED_AT));
        assert!(!is_taken(&format!("t={SIGNED_AT},v1={good}"), b"{}", &["s"], SIGNED_AT));
        assert!(!is_taken(&format!("t={},v1={good}", SIGNED_AT + 1), BODY, &["s"], SIGNED_AT));
        assert!(!is_taken(&format!("t={SIGNED_AT},v0={good}"), BODY, &["s"], SIGNED_AT));
        for header in ["", "t=", &format!("v1={good}"), &format!("t={SIGNED_AT}"), &format!("t={SIGNED_AT},v1="), "t=x,v1=zz"] {
            assert!(!is_taken(header, BODY, &["s"], SIGNED_AT), "{header}");
        }
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_both_ways() {
        let header = format!("t={SIGNED_AT},v1={}", signature("s", SIGNED_AT, BODY));
        for (now, expected) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(is_taken(&header, BODY, &["s"], SIGNED_AT + now), expected, "{now}");
        }
    }

    #[test]
    fn an_event_about_an_intent_or_what_belongs_to_one_names_it() {
        let intent = read(
            br#"{"id":"evt_1","type":"payment_intent.amount_capturable_updated","data":{"object":{"object":"payment_intent",
                "id":"pi_1","metadata":{"order_id":"ord_00000000000000000000000000000001"}}}}"#,
        );
        let expected = WebhookEvent {
            provider: Provider::Stripe,
            id: "evt_1".into(),
            kind: "payment_intent.amount_capturable_updated".into(),
            reference: Some("pi_1".into()),
            order_id: "ord_00000000000000000000000000000001".parse().ok(),
        };
        assert_eq!(intent, Ok(expected));
        let refund = read(
            br#"{"id":"evt_2","type":"refund.updated","data":{"object":{"object":"refund","id":"re_1","payment_intent":"pi_1",
                "metadata":{}}}}"#,
        )
        .unwrap();
        assert_eq!((refund.reference.as_deref(), refund.order_id), (Some("pi_1"), None));
        let bare = read(
            br#"{"id":"evt_4","type":"refund.failed","data":{"object":{"object":"refund","id":"re_2","payment_intent":"pi_1",
                "metadata":null}}}"#,
        );
        assert_eq!(bare.unwrap().reference.as_deref(), Some("pi_1"));
        let other = read(br#"{"id":"evt_3","type":"customer.created","data":{"object":{"object":"customer","id":"cus_1"}}}"#);
        assert_eq!(other.unwrap().reference, None);
        assert!(matches!(read(b"[]"), Err(WebhookError::Rejected(_))));
    }
}

//! `PayPal`'s webhooks: <https://developer.paypal.com/api/rest/webhooks/rest/>.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use lambda_http::http::HeaderMap;
use serde::Deserialize;

use super::{WebhookError, WebhookEvent, certificates::Chain, rejected, text};
use crate::{domain::event::Provider, payments::paypal::custom_id};

/// `PayPal` repeats a delivery for three days; whether with the first one's time is not said, and an old event is only a
/// hint anyway.
const OLDEST: SignedDuration = SignedDuration::from_hours(3 * 24 + 1);

/// How far `PayPal`'s clock may be ahead of ours.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// What `PayPal` says of a delivery in its headers. It is not verified yet.
#[derive(Debug)]
pub(super) struct Transmission {
    id: String,
    time: String,
    signature: Vec<u8>,
    pub certificate_url: String,
}

impl Transmission {
    /// From the headers, if they are such as `PayPal` would send now.
    pub fn read(headers: &HeaderMap, now: Timestamp) -> Result<Self, WebhookError> {
        if text(headers, "paypal-auth-algo")? != "SHA256withRSA" {
            return Err(rejected("it is signed in an unknown way"));
        }
        let time = text(headers, "paypal-transmission-time")?;
        let sent_at: Timestamp = time.parse().map_err(|_| rejected("the transmission's time is no time"))?;
        let age = now.duration_since(sent_at);
        if age > OLDEST || age < -AHEAD {
            return Err(rejected("the transmission is too old, or of the future"));
        }
        let signature = BASE64_STANDARD.decode(text(headers, "paypal-transmission-sig")?);
        Ok(Self {
            id: text(headers, "paypal-transmission-id")?.to_owned(),
            time: time.to_owned(),
            signature: signature.map_err(|_| rejected("the signature cannot be read"))?,
            certificate_url: text(headers, "paypal-cert-url")?.to_owned(),
        })
    }

    /// Whether `PayPal` signed this transmission of these bytes to this webhook.
    pub fn verify(&self, body: &[u8], webhook_id: &str, chain: &Chain) -> Result<(), WebhookError> {
        let Self { id, time, signature, .. } = self;
        let message = format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body));
        chain.verify(message.as_bytes(), signature)
    }
}

/// <https://developer.paypal.com/api/rest/webhooks/rest/#link-eventheaders>
#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "event_type")]
    kind: String,
    #[serde(default)]
    resource: Resource,
}

/// An order, an authorisation, a capture or a refund.
#[derive(Default, Deserialize)]
struct Resource {
    id: Option<String>,
    custom_id: Option<String>,
    #[serde(default)]
    purchase_units: Vec<PurchaseUnit>,
    #[serde(default)]
    supplementary_data: SupplementaryData,
}

#[derive(Deserialize)]
struct PurchaseUnit {
    custom_id: Option<String>,
}

#[derive(Default, Deserialize)]
struct SupplementaryData {
    #[serde(default)]
    related_ids: RelatedIds,
}

#[derive(Default, Deserialize)]
struct RelatedIds {
    order_id: Option<String>,
}

/// The event in these bytes, which were verified.
pub(super) fn read(body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    let Event { id, kind, resource } = serde_json::from_slice(body).map_err(|_| rejected("it is not an event"))?;
    let of_unit = || resource.purchase_units.first().and_then(|unit| unit.custom_id.clone());
    let named = resource.custom_id.clone().or_else(of_unit);
    let is_order = kind.starts_with("CHECKOUT.ORDER.");
    Ok(WebhookEvent {
        provider: Provider::Paypal,
        id,
        kind,
        reference: if is_order { resource.id } else { resource.supplementary_data.related_ids.order_id },
        order_id: named.as_deref().and_then(custom_id::order),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::certificates::tests::{CHAIN, STRANGER, chain},
        *,
    };

    /// What the fixtures' signatures are made of.
    const BODY: &[u8] = br#"{"id":"WH-1","event_type":"PAYMENT.AUTHORIZATION.CREATED","resource":{"id":"A1"}}"#;
    const WEBHOOK_ID: &str = "8PT597110X687430LKGECATA";
    const SIGNATURE: &str = include_str!("fixtures/leaf.sig");

    fn headers() -> HeaderMap {
        let pairs = [
            ("paypal-auth-algo", "SHA256withRSA"),
            ("paypal-cert-url", "https://api.paypal.com/v1/notifications/certs/CERT-1"),
            ("paypal-transmission-id", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
            ("paypal-transmission-time", "2026-11-25T20:00:00Z"),
            ("paypal-transmission-sig", SIGNATURE),
        ];
        pairs.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn read_at(headers: &HeaderMap, now: &str) -> Result<Transmission, WebhookError> {
        Transmission::read(headers, now.parse().unwrap())
    }

    fn verify(headers: &HeaderMap, body: &[u8], webhook_id: &str, pem: &str) -> bool {
        read_at(headers, "2026-11-25T22:00:00Z").unwrap().verify(body, webhook_id, &chain(pem)).is_ok()
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = headers();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn what_paypal_signed_for_our_webhook_is_taken() {
        assert!(verify(&headers(), BODY, WEBHOOK_ID, CHAIN));
    }

    #[test]
    fn other_bytes_another_webhook_another_transmission_or_another_key_are_not_signed() {
        assert!(!verify(&headers(), b"{}", WEBHOOK_ID, CHAIN));
        assert!(!verify(&headers(), BODY, "SOMEBODY-ELSES", CHAIN));
        assert!(!verify(&with("paypal-transmission-id", "another"), BODY, WEBHOOK_ID, CHAIN));
        assert!(!verify(&with("paypal-transmission-time", "2026-11-25T21:00:00Z"), BODY, WEBHOOK_ID, CHAIN));
        assert!(!verify(&headers(), BODY, WEBHOOK_ID, STRANGER));
        assert!(!verify(&with("paypal-transmission-sig", "AAAA"), BODY, WEBHOOK_ID, CHAIN));
    }

    #[test]
    fn headers_that_paypal_would_not_send_are_rejected_before_anything_is_fetched() {
        let now = "2026-11-25T22:00:00Z";
        assert!(read_at(&with("paypal-auth-algo", "SHA1withRSA"), now).is_err());
        assert!(read_at(&with("paypal-transmission-sig", "not base64!"), now).is_err());
        assert!(read_at(&with("paypal-transmission-time", "yesterday"), now).is_err());
        for name in headers().keys() {
            let mut incomplete = headers();
            incomplete.remove(name);
            assert!(read_at(&incomplete, now).is_err(), "{name}");
        }
    }

    #[test]
    fn a_transmission_may_be_an_hour_over_three_days_old_and_five_minutes_of_the_future() {
        for (now, is_taken) in [
            ("2026-11-25T19:54:59Z", false),
            ("2026-11-25T19:55:00Z", true),
            ("2026-11-28T21:00:00Z", true),
            ("2026-11-28T21:00:01Z", false),
        ] {
            assert_eq!(read_at(&headers(), now).is_ok(), is_taken, "{now}");
        }
    }

    #[test]
    fn an_event_names_paypals_order_and_ours_where_it_says() {
        let of_payment = read(
            br#"{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"C1",
                "custom_id":"ord_00000000000000000000000000000001","supplementary_data":{"related_ids":{"order_id":"5O1"}}}}"#,
        );
        let expected = WebhookEvent {
            provider: Provider::Paypal,
            id: "WH-1".into(),
            kind: "PAYMENT.CAPTURE.COMPLETED".into(),
            reference: Some("5O1".into()),
            order_id: "ord_00000000000000000000000000000001".parse().ok(),
        };
        assert_eq!(of_payment, Ok(expected));
        let of_order = read(
            br#"{"id":"WH-2","event_type":"CHECKOUT.ORDER.APPROVED","resource":{"id":"5O1",
                "purchase_units":[{"custom_id":"ord_00000000000000000000000000000001"}]}}"#,
        )
        .unwrap();
        assert_eq!(of_order.reference.as_deref(), Some("5O1"));
        assert!(of_order.order_id.is_some());
        let of_refund = read(
            br#"{"id":"WH-3","event_type":"PAYMENT.CAPTURE.REFUNDED","resource":{"id":"R1",
                "custom_id":"ord_00000000000000000000000000000001.ref_1"}}"#,
        )
        .unwrap();
        assert_eq!((of_refund.reference, of_refund.order_id), (None, of_order.order_id));
        let strangers =
            read(br#"{"id":"WH-4","event_type":"PAYMENT.REFUND.FAILED","resource":{"id":"R1","custom_id":"gift"}}"#).unwrap();
        assert_eq!((strangers.reference, strangers.order_id), (None, None));
        assert!(matches!(read(b"{}"), Err(WebhookError::Rejected(_))));
    }
}

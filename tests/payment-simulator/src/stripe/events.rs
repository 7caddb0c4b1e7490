//! Stripe's webhook events: <https://docs.stripe.com/api/events/types>.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    id,
    intent::{Intent, Status},
};
use crate::{operation::Provider, webhooks::Event};

/// The version whose shapes the objects have.
const API_VERSION: &str = "2025-09-30.clover";

/// The event that tells where an intent has come to.
pub(super) fn of_status(intent: &Intent) -> &'static str {
    match intent.status {
        Status::RequiresPaymentMethod if intent.last_decline.is_some() => "payment_intent.payment_failed",
        Status::RequiresPaymentMethod | Status::RequiresConfirmation => "payment_intent.created",
        Status::RequiresAction => "payment_intent.requires_action",
        Status::Processing => "payment_intent.processing",
        Status::RequiresCapture => "payment_intent.amount_capturable_updated",
        Status::Canceled => "payment_intent.canceled",
        Status::Succeeded => "payment_intent.succeeded",
    }
}

/// An event about an object of an order.
pub(super) fn event(kind: &str, order_id: Option<&str>, object: &Value, key: Option<&str>, now: Timestamp) -> Event {
    let event_id = id("evt");
    let body = json!({
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": now.as_second(),
        "data": {"object": object},
        "livemode": false,
        "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": key},
        "type": kind,
    });
    let order_id = order_id.map(Into::into);
    Event { provider: Provider::Stripe, order_id, id: event_id, kind: kind.into(), at: now, body }
}

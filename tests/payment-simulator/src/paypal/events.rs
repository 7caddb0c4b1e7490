//! PayPal's webhook events: <https://developer.paypal.com/api/rest/webhooks/event-names/>.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::shapes::time;
use crate::{operation::Provider, webhooks::Event};

/// What changed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    OrderApproved,
    AuthorizationCreated,
    AuthorizationVoided,
    CaptureCompleted,
    CaptureRefunded,
    RefundPending,
    RefundFailed,
}

impl Change {
    /// The event's type, the type of what it carries, and what it says.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::OrderApproved => ("CHECKOUT.ORDER.APPROVED", "checkout-order", "An order has been approved by buyer"),
            Self::AuthorizationCreated => {
                ("PAYMENT.AUTHORIZATION.CREATED", "authorization", "A payment authorization was created")
            }
            Self::AuthorizationVoided => ("PAYMENT.AUTHORIZATION.VOIDED", "authorization", "A payment authorization was voided"),
            Self::CaptureCompleted => ("PAYMENT.CAPTURE.COMPLETED", "capture", "Payment completed"),
            Self::CaptureRefunded => ("PAYMENT.CAPTURE.REFUNDED", "refund", "A capture payment was refunded"),
            Self::RefundPending => ("PAYMENT.REFUND.PENDING", "refund", "A refund is pending"),
            Self::RefundFailed => ("PAYMENT.REFUND.FAILED", "refund", "A refund failed"),
        }
    }

    /// The event that tells of it.
    pub(super) fn event(self, order_id: Option<&str>, resource: &Value, now: Timestamp) -> Event {
        let (kind, resource_type, summary) = self.names();
        let id = format!("WH-{}", Uuid::new_v4().simple().to_string().to_uppercase());
        let body = json!({
            "id": id,
            "event_version": "1.0",
            "create_time": time(now),
            "resource_type": resource_type,
            "resource_version": "2.0",
            "event_type": kind,
            "summary": summary,
            "resource": resource,
            "links": [],
        });
        Event { provider: Provider::PayPal, order_id: order_id.map(Into::into), id, kind: kind.into(), at: now, body }
    }
}

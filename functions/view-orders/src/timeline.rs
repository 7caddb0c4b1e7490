//! An order's events as its customer sees them: without the providers' references, unfiltered codes and internal reasons,
//! and without our fingerprints.

use serde_json::{Value, json};
use shared::domain::{
    event::{Event, Fact, Rejection, public_decline_code},
    ids::RefundId,
    order::Order,
};

/// The event's entry in the timeline of its order.
pub fn entry(order: &Order, event: &Event) -> Value {
    json!({"sequence": event.sequence, "type": event.fact.name(), "at": event.at, "data": data(order, &event.fact)})
}

fn data(order: &Order, fact: &Fact) -> Value {
    match fact {
        Fact::OrderPlaced(placed) => json!({"items": placed.items, "total": placed.total}),
        Fact::PaymentPrepared { attempt, provider, .. } => json!({"attempt": attempt, "provider": provider}),
        Fact::PaymentDeclined { attempt, decline_code } => {
            json!({"attempt": attempt, "decline_code": public_decline_code(decline_code)})
        }
        Fact::PaymentActionRequired { attempt }
        | Fact::PaymentAuthorized { attempt, .. }
        | Fact::PaymentAbandoned { attempt }
        | Fact::PaymentVoided { attempt }
        | Fact::OrderConfirmed { attempt }
        | Fact::CaptureStarted { attempt }
        | Fact::PaymentCaptured { attempt }
        | Fact::CaptureFailed { attempt, .. } => json!({"attempt": attempt}),
        Fact::OrderRejected { reason } => rejection(reason),
        Fact::OrderCancelled { reason } => json!({"reason": reason}),
        Fact::RefundStarted { refund, .. } | Fact::PaymentRefunded { refund } | Fact::RefundFailed { refund, .. } => {
            self::refund(order, refund)
        }
        Fact::InventoryReserved {} | Fact::InventoryReleased {} | Fact::PaymentDeferred { .. } => json!({}),
    }
}

fn rejection(reason: &Rejection) -> Value {
    match reason {
        Rejection::OutOfStock { .. } => json!(reason),
        Rejection::PaymentDeclined { decline_code } => {
            let decline_code = public_decline_code(decline_code).to_owned();
            json!(Rejection::PaymentDeclined { decline_code })
        }
    }
}

/// Which, and how much: only its first event says so.
fn refund(order: &Order, id: &RefundId) -> Value {
    json!({"refund": id, "amount": order.refund(id).map(|refund| refund.amount)})
}

//! An order as the API shows it, to whoever placed it.

use serde_json::{Value, json};

use crate::domain::order::{Order, PaymentAnswer, RefundProgress, RefundStatus};

/// The members that every answer about an order has. They are made from its events alone.
pub fn body(order: &Order) -> Value {
    let attempt = order.attempts().last();
    let provider = attempt.map(|attempt| attempt.provider).or_else(|| order.placed.payment_methods.first().copied());
    let own = format!("/v1/orders/{}", order.id);
    json!({
        "order_id": order.id,
        "status": order.status(),
        "items": order.placed.items,
        "total": order.placed.total,
        "payment": {"provider": provider, "status": payment_status(order)},
        "refund": {"status": order.refund_status(), "amount": refunded(order)},
        "placed_at": order.placed_at,
        "links": {"self": own, "receipt": format!("{own}/receipt")},
    })
}

fn payment_status(order: &Order) -> &'static str {
    if order.captured_attempt().is_some() {
        return match order.refund_status() {
            RefundStatus::Full => "refunded",
            RefundStatus::None | RefundStatus::Partial => "captured",
        };
    }
    let Some(attempt) = order.attempts().last() else { return "pending" };
    match attempt.answer {
        _ if attempt.voided => "voided",
        Some(PaymentAnswer::ActionRequired) if order.awaited_action().is_some() => "requires_action",
        Some(PaymentAnswer::Authorized { .. }) => "authorized",
        Some(PaymentAnswer::Declined(_)) => "declined",
        None | Some(PaymentAnswer::ActionRequired) => "pending",
    }
}

/// What the provider gave back, or is giving back.
fn refunded(order: &Order) -> Value {
    let counted = order.refunds().iter().filter(|refund| refund.progress != RefundProgress::Failed);
    let amount: u64 = counted.map(|refund| refund.amount.amount).sum();
    json!({"amount": amount, "currency": order.placed.total.currency})
}

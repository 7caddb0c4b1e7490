//! An order as the API shows it, to whoever placed it.

use serde_json::{Value, json};

use crate::domain::order::{Order, PaymentAnswer};

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
        "placed_at": order.placed_at,
        "links": {"self": own, "receipt": format!("{own}/receipt")},
    })
}

fn payment_status(order: &Order) -> &'static str {
    match order.attempts().last() {
        None => "pending",
        Some(attempt) if attempt.voided => "voided",
        Some(attempt) => match attempt.answer {
            None => "pending",
            Some(PaymentAnswer::ActionRequired) => "requires_action",
            Some(PaymentAnswer::Authorized { .. }) => "authorized",
            Some(PaymentAnswer::Declined(_)) => "declined",
        },
    }
}

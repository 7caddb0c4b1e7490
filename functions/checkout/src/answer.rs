//! The contract's answer, made from the order alone: the same at once, at a repeat, and a year later.

use serde_json::json;
use shared::{
    domain::{
        event::{Rejection, public_decline_code},
        order::{Order, Outcome, PaymentAnswer, Status},
    },
    http::Problem,
    repositories::idempotency_keys::SavedAnswer,
};

/// What the customer reads of this order. `instance` is the correlation id of a problem.
pub fn of(order: &Order, instance: &str) -> SavedAnswer {
    match order.outcome() {
        Outcome::Confirmed { .. } => taken(order, 201),
        Outcome::Open => taken(order, 202),
        Outcome::Rejected(rejection) => rejected(order, rejection, instance),
    }
}

fn taken(order: &Order, status: u16) -> SavedAnswer {
    let attempt = order.attempts().last();
    let provider = attempt.map(|attempt| attempt.provider).or_else(|| order.placed.payment_methods.first().copied());
    let payment_status = match attempt.and_then(|attempt| attempt.answer.as_ref()) {
        Some(PaymentAnswer::Authorized) => "authorized",
        Some(PaymentAnswer::Declined(_)) => "declined",
        None => "pending",
    };
    let own = format!("/v1/orders/{}", order.id);
    let body = json!({
        "order_id": order.id,
        "status": order.status(),
        "items": order.placed.items,
        "total": order.placed.total,
        "payment": {"provider": provider, "status": payment_status},
        "placed_at": order.placed_at,
        "links": {"self": own, "receipt": format!("{own}/receipt")},
    });
    let confirmed = order.status() == Status::Confirmed;
    let headers = confirmed.then(|| ("Location".to_owned(), own)).into_iter().collect();
    SavedAnswer { status, body: body.to_string(), headers }
}

fn rejected(order: &Order, rejection: &Rejection, instance: &str) -> SavedAnswer {
    let problem = match rejection {
        Rejection::OutOfStock { items } => {
            let detail = "Some items are not available in this quantity; `items` says how many are. Nothing was charged.";
            Problem::new(409, "out_of_stock", "Not enough in stock", detail).with("items", items)
        }
        Rejection::PaymentDeclined { decline_code } => {
            let detail =
                "The payment method was declined, and nothing is held on it. Use another one, with a new Idempotency-Key.";
            let problem = Problem::new(402, "payment_declined", "The payment was declined", detail);
            problem.with("decline_code", public_decline_code(decline_code))
        }
    };
    let problem = problem.with("order_id", &order.id);
    let headers = vec![("Content-Type".to_owned(), "application/problem+json".to_owned())];
    SavedAnswer { status: problem.status, body: problem.body(instance), headers }
}

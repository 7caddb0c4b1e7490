//! The contract's answer, made from the order alone: the same at once, at a repeat, and a year later.

use shared::{
    domain::{
        event::{Rejection, public_decline_code},
        order::{Order, Outcome, Status},
    },
    http::Problem,
    order_view,
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
    let location = || ("Location".to_owned(), format!("/v1/orders/{}", order.id));
    let headers = (order.status() == Status::Confirmed).then(location).into_iter().collect();
    SavedAnswer { status, body: order_view::body(order).to_string(), headers }
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

//! The contract's answer, made from the order alone, at once or a year later.

use lambda_http::Body;
use serde_json::Value;
use shared::{
    domain::{
        event::{Cancellation, Rejection, public_decline_code},
        order::{Order, Outcome},
    },
    http::{Answer, Problem},
    order_view,
    repositories::idempotency_keys::SavedAnswer,
};

/// What the customer reads of this order. `instance` is the correlation id of a problem.
pub fn of(order: &Order, instance: &str) -> SavedAnswer {
    match order.outcome() {
        Outcome::Confirmed { .. } => taken(order, 201),
        Outcome::Open => taken(order, 202),
        Outcome::Rejected(rejection) => rejected(order, rejection, instance),
        Outcome::Cancelled(reason) => cancelled(order, *reason, instance),
    }
}

fn taken(order: &Order, status: u16) -> SavedAnswer {
    let location = || ("Location".to_owned(), format!("/v1/orders/{}", order.id));
    let headers = (status == 201).then(location).into_iter().collect();
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
    refused(order, problem, instance)
}

/// A cancelled order is told to whoever repeats its request.
fn cancelled(order: &Order, reason: Cancellation, instance: &str) -> SavedAnswer {
    let detail = match reason {
        Cancellation::CustomerRequest => "You cancelled this order. A new purchase needs a new Idempotency-Key.",
        Cancellation::ShopRequest => "The shop cancelled this order. A new purchase needs a new Idempotency-Key.",
        Cancellation::PaymentTimedOut | Cancellation::PaymentUnavailable => {
            "The payment did not come about in time, so the order was cancelled. Nothing was charged."
        }
        Cancellation::AuthorizationLapsed => {
            "The payment lapsed before it was taken, so the order was cancelled. Nothing was charged."
        }
        Cancellation::DetailsErased => "Your details were erased before you were charged, so the order was cancelled.",
    };
    let problem = Problem::new(409, "order_cancelled", "The order was cancelled", detail).with("reason", reason);
    refused(order, problem, instance)
}

fn refused(order: &Order, problem: Problem, instance: &str) -> SavedAnswer {
    let problem = problem.with("order_id", &order.id);
    let headers = vec![("Content-Type".to_owned(), "application/problem+json".to_owned())];
    SavedAnswer { status: problem.status, body: problem.body(instance), headers }
}

/// Whether this answer tells her to authenticate or approve.
pub fn requires_action(answer: &Answer) -> bool {
    json(answer).is_some_and(|body| body["payment"]["status"] == "requires_action")
}

/// The answer, with the link. It is added to what goes out and never to what is kept.
pub fn with_action(answer: Answer, action: Value) -> Answer {
    let Some(mut body) = json(&answer) else { return answer };
    body["payment"]["action"] = action;
    answer.map(|_| Body::Text(body.to_string()))
}

fn json(answer: &Answer) -> Option<Value> {
    let Body::Text(text) = answer.body() else { return None };
    serde_json::from_str(text).ok()
}

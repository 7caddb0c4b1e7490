//! What she was answered, held against how her order ended.

use serde_json::json;
use shared::domain::{
    event::{Rejection, public_decline_code},
    order::{Order, Outcome, Status},
};
use system_tests::Answer;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Checkout,
    Cancel,
    /// By an administrator.
    Refund,
}

impl Deed {
    /// Whether the contract says no more to this request than this: a repeat gets the same.
    pub(crate) fn is_finally(self, answer: &Answer) -> bool {
        let again = answer.header("retry-after").is_some();
        match self {
            Self::Checkout => [201, 202, 402].contains(&answer.status) || (answer.status == 409 && !again),
            Self::Cancel => answer.status == 200,
            Self::Refund => answer.status == 202,
        }
    }
}

/// A final answer may be true of this order. 202 may become anything. `confirmed`: it was at some time.
///
/// # Errors
/// What does not fit.
pub(crate) fn fits(deed: Deed, answer: &Answer, order: &Order, confirmed: bool) -> Result<(), String> {
    let told = |member: &str| answer.body[member].as_str().unwrap_or_default();
    let fits = match (deed, answer.status) {
        (Deed::Checkout, 201) => confirmed && ["confirmed", "paid"].contains(&told("status")),
        (Deed::Checkout, 202) => ["pending", "payment_pending"].contains(&told("status")),
        (Deed::Checkout, 402) => match order.outcome() {
            Outcome::Rejected(Rejection::PaymentDeclined { decline_code }) => {
                told("code") == "payment_declined" && told("decline_code") == public_decline_code(decline_code)
            }
            _ => false,
        },
        (Deed::Checkout, 409) => match order.outcome() {
            Outcome::Rejected(Rejection::OutOfStock { items }) => {
                told("code") == "out_of_stock" && answer.body["items"] == json!(items)
            }
            Outcome::Cancelled(reason) => told("code") == "order_cancelled" && answer.body["reason"] == json!(reason),
            _ => false,
        },
        (Deed::Cancel, 200) => order.status() == Status::Cancelled && told("status") == "cancelled",
        (Deed::Refund, 202) => order.refunds().iter().any(|refund| refund.id.as_str() == told("refund_id")),
        _ => false,
    };
    let fits = fits && told("order_id") == order.id.as_str();
    let otherwise =
        || format!("the contract: {deed:?} was answered {} {}, and the order is {:?}", answer.status, answer.body, order);
    if fits { Ok(()) } else { Err(otherwise()) }
}

/// A repeat gets the status and the body of the first answer, and is told that it is one. The link where she authenticates is
/// read anew each time.
///
/// # Errors
/// What differs.
pub(crate) fn agree(first: &Answer, again: &Answer) -> Result<(), String> {
    let kept = |answer: &Answer| {
        let mut body = answer.body.clone();
        if let Some(payment) = body.get_mut("payment").and_then(|payment| payment.as_object_mut()) {
            payment.remove("action");
        }
        (answer.status, answer.header("location").map(ToOwned::to_owned), body)
    };
    if again.header("idempotent-replayed") != Some("true") {
        return Err(format!("the contract: a repeat is not told that it is one: {again:?}"));
    }
    if kept(first) == kept(again) {
        return Ok(());
    }
    let (first, again) = ((first.status, &first.body), (again.status, &again.body));
    Err(format!("the contract: a repeat was answered {again:?} after {first:?}"))
}

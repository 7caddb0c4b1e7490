//! "Your order is cancelled": why, and what happens to her money. It announces the refund of what was taken, so that the
//! refund itself needs no letter.

use shared::domain::{
    event::Cancellation,
    order::{Attempt, Order, PaymentAnswer},
};

use super::{Letter, ordered, payer::Payer, subject, total};

/// The letter about an order that was just cancelled.
pub fn letter(order: &Order, reason: Cancellation) -> Letter {
    let money = money(order, reason);
    Letter {
        subject: subject("Cancelled", order),
        preview: money.clone(),
        heading: "Your order is cancelled".into(),
        paragraphs: vec![why(order, reason)],
        money: Some(money),
        lines: ordered(order),
        sums: vec![total(order)],
        button: "See your order",
        ..Letter::default()
    }
}

fn why(order: &Order, reason: Cancellation) -> String {
    let payer = Payer::of(order);
    match reason {
        Cancellation::CustomerRequest => "As you asked, we have cancelled this order. Nothing of it will be sent to you.".into(),
        Cancellation::ShopRequest => {
            "We had to cancel this order. Nothing of it will be sent to you. We are sorry; please write to \
             us if you would like to know more."
                .into()
        }
        Cancellation::PaymentTimedOut if order.live_attempt().is_some_and(waited_for_her) => format!(
            "{} wanted you to confirm the payment, and no confirmation came in time. So we have cancelled the order. \
             You are welcome to order again.",
            payer.capitalised
        ),
        Cancellation::PaymentTimedOut => "The payment did not come about in time, and we did not want to keep you waiting any \
             longer. So we have cancelled the order. We are sorry; you are welcome to order again."
            .into(),
        Cancellation::PaymentUnavailable => "The payment could not be made in any of the ways that you chose. So we have \
             cancelled the order. We are sorry; you are welcome to order again and to pay in another way."
            .into(),
        Cancellation::AuthorizationLapsed => format!(
            "{} let go of the money for this order before we could take it. So we had to cancel the order. We are sorry; \
             you are welcome to order again.",
            payer.capitalised
        ),
        Cancellation::DetailsErased => {
            "Your payment details were erased before the order was paid. So we have cancelled it.".into()
        }
    }
}

fn waited_for_her(attempt: &Attempt) -> bool {
    attempt.answer == Some(PaymentAnswer::ActionRequired)
}

fn money(order: &Order, reason: Cancellation) -> String {
    let payer = Payer::of(order);
    let left = order.refundable();
    if order.captured_attempt().is_some() {
        return if left.amount > 0 {
            format!("Your refund of {left} is on its way to {}. {}", payer.account, payer.arrives)
        } else {
            "All that you paid for it had gone back to you before, so there is nothing left to refund.".into()
        };
    }
    let holds = |attempt: &Attempt| matches!(attempt.answer, Some(PaymentAnswer::Authorized { .. })) && !attempt.voided;
    let is_unknown = |attempt: &Attempt| attempt.answer.is_none() && !attempt.voided;
    if reason == Cancellation::AuthorizationLapsed {
        "Nothing was charged, and nothing is held any more.".into()
    } else if order.attempts().iter().any(holds) {
        let total = order.placed.total;
        format!(
            "Nothing was charged. {} holds {total} for this order, which we are releasing now; you may see the hold for a few more days.",
            payer.capitalised
        )
    } else if order.attempts().iter().any(is_unknown) {
        format!("Nothing was charged. Should {} show a hold for this order, it is being released.", payer.name)
    } else {
        "Nothing was charged.".into()
    }
}

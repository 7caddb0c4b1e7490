//! "Your order did not go through": for whose click was over before it failed.

use shared::domain::{
    event::{Provider, Rejection, Shortage, public_decline_code},
    order::Order,
};

use super::{Letter, Line, ordered, subject, total};

/// The letter about an order that failed after its click.
pub fn letter(order: &Order, reason: &Rejection) -> Letter {
    let received = "We had received your order and were finishing it. We are sorry: it did not work out.";
    let letter = Letter {
        subject: subject("Not completed", order),
        preview: "We could not complete your order. Nothing was charged.".into(),
        heading: "Your order did not go through".into(),
        money: Some("Nothing was charged.".into()),
        button: "See your order",
        ..Letter::default()
    };
    match reason {
        Rejection::OutOfStock { items } => Letter {
            paragraphs: vec![received.into(), "Others were faster, and there is not enough left for all of it.".into()],
            lines: items.iter().map(|shortage| short(order, shortage)).collect(),
            ..letter
        },
        Rejection::PaymentDeclined { decline_code } => Letter {
            paragraphs: vec![received.into(), declined(order, public_decline_code(decline_code)).into()],
            lines: ordered(order),
            sums: vec![total(order)],
            ..letter
        },
    }
}

/// The words for a code that she may know. Codes that only a bank should explain get the plain ones.
fn declined(order: &Order, code: &str) -> &'static str {
    let provider = order.attempts().last().map(|attempt| attempt.provider);
    match (provider, code) {
        // Nobody refused it: it is another's, was removed, or was never there.
        (_, "payment_method_not_yours" | "resource_missing" | "TOKEN_ID_NOT_FOUND") => {
            "We did not find this way of paying among yours; it may have been removed. You are welcome to order again and to choose it anew."
        }
        (Some(Provider::Paypal), _) => {
            "PayPal did not approve the payment. Please look into your PayPal account, or pay in another way."
        }
        (_, "insufficient_funds") => "There was not enough money on the card. You are welcome to order again with another one.",
        (_, "expired_card") => "The card has expired. You are welcome to order again with another one.",
        (_, "incorrect_cvc" | "invalid_cvc") => {
            "The security code did not match the card. Please check it and order again, or use another card."
        }
        (_, "incorrect_number") => "The card's number was not right. Please check it and order again, or use another card.",
        (_, "authentication_required" | "payment_intent_authentication_failure") => {
            "Your bank wanted you to confirm the payment, and it was not confirmed. You are welcome to order again."
        }
        (_, "processing_error") => {
            "Your bank could not process the card. You are welcome to order again, with the same card or with another one."
        }
        _ => "Your bank did not approve the card. Please ask your bank, or order again with another card.",
    }
}

fn short(order: &Order, shortage: &Shortage) -> Line {
    let line = order.placed.items.iter().find(|line| line.sku == shortage.sku);
    let left = match shortage.available {
        0 => "it is sold out".to_owned(),
        1 => "1 is left".to_owned(),
        some => format!("{some} are left"),
    };
    Line {
        name: line.map_or_else(|| shortage.sku.to_string(), |line| line.name.clone()),
        note: format!("You asked for {}, and {left}.", shortage.requested),
        amount: String::new(),
    }
}

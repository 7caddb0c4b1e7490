//! "Please confirm your payment". It leads to the order's page, which asks the provider for the link: that link is kept
//! nowhere, and a link to a bank in an e-mail is what thieves send.

use shared::domain::order::Order;

use super::{Letter, ordered, payer::Payer, subject, total};

/// The letter about an order that waits for her.
pub fn letter(order: &Order) -> Letter {
    let payer = Payer::of(order);
    Letter {
        subject: subject("Please confirm the payment", order),
        preview: format!("{} would like to hear from you before it pays.", payer.capitalised),
        heading: "One more step, and it is yours".into(),
        paragraphs: vec![format!(
            "{} wants to be sure that it is you who is paying. Open your order and confirm the payment there.",
            payer.capitalised
        )],
        money: Some(
            "Nothing is charged until you confirm. Your items stay set aside for now; without your word the order is cancelled by \
             itself."
                .into(),
        ),
        lines: ordered(order),
        sums: vec![total(order)],
        button: "Open your order and confirm",
        ..Letter::default()
    }
}

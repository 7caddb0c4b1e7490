//! "Thank you": her order stands, and this is what comes.

use shared::domain::{order::Order, personal::OrderDetails};

use super::{Letter, address_lines, ordered, subject, total};

/// The confirmation of this order.
pub fn letter(order: &Order, details: &OrderDetails) -> Letter {
    let first_name = details.shipping_address.name.split_whitespace().next().unwrap_or_default();
    Letter {
        subject: subject("Confirmed", order),
        preview: format!("Your order is confirmed. Total {}.", order.placed.total),
        heading: format!("Thank you, {first_name}."),
        paragraphs: vec!["Your order is confirmed. This is what is on its way to you.".into()],
        lines: ordered(order),
        sums: vec![total(order)],
        address: address_lines(details),
        button: "See your order and its receipt",
        ..Letter::default()
    }
}

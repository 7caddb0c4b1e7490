//! "Your refund": money that went back without the order being cancelled.

use shared::domain::{
    ids::RefundId,
    money::Money,
    order::{Order, RefundProgress},
};

use super::{Letter, Sum, payer::Payer, subject, total};

/// The letter about this refund.
pub fn letter(order: &Order, refund: &RefundId) -> Letter {
    let amount = order.refund(refund).map_or(Money { amount: 0, ..order.placed.total }, |refund| refund.amount);
    let payer = Payer::of(order);
    let earlier = earlier(order, refund);
    let mut sums = vec![Sum { label: "Order total", ..total(order) }];
    if earlier.amount > 0 {
        sums.push(Sum { label: "Refunded before", amount: earlier.to_string() });
    }
    sums.push(Sum { label: "This refund", amount: amount.to_string() });
    Letter {
        subject: subject("Refunded", order),
        preview: format!("{amount} is on its way to {}.", payer.account),
        heading: "Your refund is on its way".into(),
        paragraphs: vec![format!("We have sent {amount} back to {}. {}", payer.account, payer.arrives)],
        sums,
        button: "See your order",
        ..Letter::default()
    }
}

fn earlier(order: &Order, refund: &RefundId) -> Money {
    let others = order.refunds().iter().filter(|other| other.id != *refund && other.progress == RefundProgress::Refunded);
    Money { amount: others.map(|other| other.amount.amount).sum(), ..order.placed.total }
}

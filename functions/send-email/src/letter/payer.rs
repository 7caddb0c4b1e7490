//! Who a customer thinks of when it comes to her money: her bank, or `PayPal`.

use shared::domain::{event::Provider, order::Order};

/// The words for who pays, and for where money goes back to.
#[derive(Clone, Copy, Debug)]
pub struct Payer {
    /// In the middle of a sentence.
    pub name: &'static str,
    /// At its beginning.
    pub capitalised: &'static str,
    /// Where a refund arrives.
    pub account: &'static str,
    /// How soon it is seen there.
    pub arrives: &'static str,
}

const BANK: Payer = Payer {
    name: "your bank",
    capitalised: "Your bank",
    account: "your card",
    arrives: "Most banks show it within 5 to 10 days.",
};

const PAYPAL: Payer = Payer {
    name: "PayPal",
    capitalised: "PayPal",
    account: "your PayPal account",
    arrives: "PayPal usually shows it within a day; a card or bank behind it may take 5 to 10 days.",
};

impl Payer {
    /// Who paid for this order, or was asked last.
    pub fn of(order: &Order) -> Self {
        let captured = order.captured_attempt().and_then(|number| order.attempt(number));
        match captured.or(order.attempts().last()).map(|attempt| attempt.provider) {
            Some(Provider::Paypal) => PAYPAL,
            Some(Provider::Stripe) | None => BANK,
        }
    }
}

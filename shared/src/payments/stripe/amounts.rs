//! Amounts as Stripe counts them: whole numbers of the currency's smallest unit, which is not ISO 4217's for every currency.

use crate::domain::money::{Currency, Money};

/// Whether Stripe counts this currency in the minor units of ISO 4217, as we do. It counts ariary whole, and krónur and
/// Ugandan shillings in hundredths: <https://docs.stripe.com/currencies#zero-decimal>, <https://docs.stripe.com/currencies#special-cases>.
pub(in crate::payments) fn counts_as_iso(currency: Currency) -> bool {
    !matches!(currency, Currency::MGA | Currency::ISK | Currency::UGX)
}

/// Whether Stripe takes this amount as it is: of a currency with three decimals the last must be 0
/// (<https://docs.stripe.com/currencies#three-decimal>).
pub(in crate::payments) fn is_taken(money: Money) -> bool {
    money.currency.exponent() != Some(3) || money.amount.is_multiple_of(10)
}

//! Amounts as `PayPal` writes them: decimal strings, with its own number of decimals for a currency.

use crate::domain::money::{Currency, Money};

/// Whether `PayPal` takes whole units of this currency only: <https://developer.paypal.com/api/rest/reference/currency-codes/>.
fn is_whole(currency: Currency) -> bool {
    matches!(currency, Currency::HUF | Currency::JPY | Currency::TWD)
}

/// The amount as `PayPal` writes it; [`None`], if it has decimals where `PayPal` has none.
pub(in crate::payments) fn decimal(money: Money) -> Option<String> {
    if !is_whole(money.currency) {
        return Some(money.decimal());
    }
    let unit = 10_u64.pow(u32::from(money.currency.exponent().unwrap_or(0)));
    money.amount.is_multiple_of(unit).then(|| (money.amount / unit).to_string())
}

/// What `PayPal` wrote; [`None`], if it is no amount of a currency.
pub(super) fn parsed(code: &str, value: &str) -> Option<Money> {
    let currency = Currency::from_code(code)?;
    let digits = usize::from(currency.exponent().unwrap_or(0));
    let (units, fraction) = value.split_once('.').unwrap_or((value, ""));
    if units.is_empty() || fraction.len() > digits || !units.chars().chain(fraction.chars()).all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let amount = format!("{units}{fraction:0<digits$}").parse().ok()?;
    Some(Money { amount, currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(amount: u64, currency: Currency) -> Option<String> {
        decimal(Money { amount, currency })
    }

    #[test]
    fn an_amount_has_the_decimals_that_paypal_has_for_the_currency() {
        assert_eq!(written(4599, Currency::USD).as_deref(), Some("45.99"));
        assert_eq!(written(5, Currency::EUR).as_deref(), Some("0.05"));
        assert_eq!(written(4599, Currency::JPY).as_deref(), Some("4599"));
        assert_eq!(written(459_900, Currency::HUF).as_deref(), Some("4599"));
        assert_eq!(written(459_900, Currency::TWD).as_deref(), Some("4599"));
    }

    #[test]
    fn an_amount_is_read_as_it_was_written() {
        for (amount, currency) in
            [(4599, Currency::USD), (5, Currency::EUR), (4599, Currency::JPY), (459_900, Currency::HUF), (459_900, Currency::TWD)]
        {
            let value = written(amount, currency).unwrap();
            assert_eq!(parsed(currency.code(), &value), Some(Money { amount, currency }), "{value}");
        }
        for (code, value) in [("USD", "45.999"), ("USD", "-1.00"), ("USD", ""), ("USD", "1,00"), ("XXY", "1.00"), ("JPY", "1.5")]
        {
            assert_eq!(parsed(code, value), None, "{code} {value}");
        }
    }

    #[test]
    fn a_fraction_that_paypal_cannot_write_is_never_rounded() {
        assert_eq!(written(459_950, Currency::HUF), None);
        assert_eq!(written(1, Currency::TWD), None);
    }
}

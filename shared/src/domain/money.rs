//! Money: integer minor units of an ISO 4217 currency. No floats anywhere.

use std::fmt;

pub use iso_currency::Currency;
use serde::{Deserialize, Serialize};

/// An amount in the currency's minor units: 4599 USD is $45.99, 4599 JPY is ¥4599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units.
    pub amount: u64,
    /// ISO 4217.
    pub currency: Currency,
}

/// Why a sum of money cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SumError {
    /// Two currencies met.
    #[error("amounts in {0} and {1} cannot be added")]
    Currencies(Currency, Currency),
    /// The amount left the range.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// This many of it.
    ///
    /// # Errors
    /// [`SumError::TooLarge`].
    pub fn times(self, quantity: u32) -> Result<Self, SumError> {
        let amount = self.amount.checked_mul(u64::from(quantity)).ok_or(SumError::TooLarge)?;
        Ok(Self { amount, ..self })
    }

    /// The two together.
    ///
    /// # Errors
    /// [`SumError`], when the currencies differ or the amount leaves the range.
    pub fn plus(self, other: Self) -> Result<Self, SumError> {
        if self.currency != other.currency {
            return Err(SumError::Currencies(self.currency, other.currency));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(SumError::TooLarge)?;
        Ok(Self { amount, ..self })
    }

    /// The amount in the currency's own number of decimals, as providers and people write it: `45.99`, `4599` for JPY.
    pub fn decimal(self) -> String {
        let decimals = usize::from(self.currency.exponent().unwrap_or(0));
        if decimals == 0 {
            return self.amount.to_string();
        }
        let digits = format!("{:0>width$}", self.amount, width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        format!("{whole}.{fraction}")
    }
}

impl fmt::Display for Money {
    /// `45.99 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: u64, currency: Currency) -> Money {
        Money { amount, currency }
    }

    #[test]
    fn each_currency_has_its_own_number_of_decimals() {
        assert_eq!(money(4599, Currency::USD).to_string(), "45.99 USD");
        assert_eq!(money(5, Currency::USD).to_string(), "0.05 USD");
        assert_eq!(money(1_234_567, Currency::USD).to_string(), "12345.67 USD");
        assert_eq!(money(4599, Currency::JPY).to_string(), "4599 JPY");
        assert_eq!(money(4599, Currency::KWD).to_string(), "4.599 KWD");
    }

    #[test]
    fn different_currencies_are_never_added() {
        let mixed = money(1, Currency::USD).plus(money(1, Currency::EUR));
        assert_eq!(mixed, Err(SumError::Currencies(Currency::USD, Currency::EUR)));
    }

    #[test]
    fn a_sum_that_leaves_the_range_is_refused_and_never_wraps() {
        assert_eq!(money(u64::MAX, Currency::USD).plus(money(1, Currency::USD)), Err(SumError::TooLarge));
        assert_eq!(money(u64::MAX, Currency::USD).times(2), Err(SumError::TooLarge));
    }

    #[test]
    fn money_is_written_as_the_contract_says() {
        let json = serde_json::to_string(&money(4599, Currency::USD)).unwrap();
        assert_eq!(json, r#"{"amount":4599,"currency":"USD"}"#);
        assert!(serde_json::from_str::<Money>(r#"{"amount":45.99,"currency":"USD"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":-1,"currency":"USD"}"#).is_err());
    }
}

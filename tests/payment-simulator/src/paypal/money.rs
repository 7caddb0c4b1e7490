//! PayPal's amounts: text, with as many decimals as PayPal gives the currency, which is not always what ISO 4217 does:
//! <https://developer.paypal.com/api/rest/reference/currency-codes/>.

use serde_json::{Value, json};

use super::{body::Fields, error::ApiError};

/// With two decimals at PayPal and in ISO 4217.
const WITH_DECIMALS: &str = "AUD BRL CAD CNY CZK DKK EUR HKD ILS MYR MXN NZD NOK PHP PLN GBP SGD SEK CHF THB USD";
/// Without decimals at PayPal, with two in ISO 4217.
const CUT: &str = "HUF TWD";
/// Without decimals anywhere.
const WITHOUT_DECIMALS: &str = "JPY";

const LONGEST: usize = 32;
/// 999999999999999.99, the most that PayPal takes.
const LARGEST: i64 = 99_999_999_999_999_999;

/// A currency that PayPal takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Currency {
    /// ISO 4217, upper case.
    pub(super) code: String,
    /// How many PayPal writes.
    decimals: usize,
    /// How many ISO minor units PayPal's smallest amount is.
    step: i64,
}

impl Currency {
    fn find(code: &str) -> Option<Self> {
        let among = |list: &str| list.split(' ').any(|known| known == code);
        let currency = |decimals, step| Some(Self { code: code.into(), decimals, step });
        match code {
            _ if among(WITH_DECIMALS) => currency(2, 1),
            _ if among(CUT) => currency(0, 100),
            _ if among(WITHOUT_DECIMALS) => currency(0, 1),
            _ => None,
        }
    }
}

/// An amount of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Money {
    pub(super) currency: Currency,
    /// ISO 4217 minor units, as the ledger has them.
    pub(super) minor: i64,
}

impl Money {
    /// Reads the object `{currency_code, value}`; an amount is more than nothing.
    pub(super) fn parse(mut fields: Fields) -> Result<Self, ApiError> {
        let code = fields.required_text("currency_code", 3)?;
        let value = fields.required_text("value", LONGEST)?;
        let pointer = fields.pointer("value");
        fields.finish()?;
        let currency = Currency::find(&code).ok_or_else(|| ApiError::unprocessable("INVALID_CURRENCY_CODE"))?;
        let (whole, decimals) = value.split_once('.').unwrap_or((&value, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        if !is_number(unsigned) || !is_number(decimals) || value.ends_with('.') || (unsigned.is_empty() && decimals.is_empty()) {
            return Err(ApiError::invalid("INVALID_PARAMETER_SYNTAX").field(&pointer).value(&value));
        }
        if currency.decimals == 0 && !decimals.is_empty() {
            return Err(ApiError::unprocessable("DECIMALS_NOT_SUPPORTED").field(&pointer).value(&value));
        }
        if decimals.len() > currency.decimals {
            return Err(ApiError::unprocessable("DECIMAL_PRECISION").field(&pointer).value(&value));
        }
        let padded = format!("{whole}{decimals:0<width$}", width = currency.decimals);
        let minor = padded.parse::<i64>().ok().and_then(|number| number.checked_mul(currency.step));
        match minor {
            Some(minor) if minor <= 0 => Err(ApiError::unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE").field(&pointer).value(&value)),
            Some(minor) if minor <= LARGEST => Ok(Self { currency, minor }),
            _ => Err(ApiError::unprocessable("MAX_VALUE_EXCEEDED").field(&pointer).value(&value)),
        }
    }

    /// So much of the same currency.
    pub(super) fn of(&self, minor: i64) -> Self {
        Self { currency: self.currency.clone(), minor }
    }

    /// The object `{currency_code, value}`.
    pub(super) fn to_json(&self) -> Value {
        json!({"currency_code": self.currency.code, "value": self.value()})
    }

    /// As PayPal writes it.
    pub(super) fn value(&self) -> String {
        let number = self.minor / self.currency.step;
        if self.currency.decimals == 0 {
            return number.to_string();
        }
        let sign = if number < 0 { "-" } else { "" };
        let number = number.unsigned_abs();
        format!("{sign}{}.{:02}", number / 100, number % 100)
    }
}

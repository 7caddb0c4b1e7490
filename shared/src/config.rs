//! Settings come from environment variables, which `template.yaml` sets. A missing one stops the function at init.

use std::{env, time::Duration};

use jiff::SignedDuration;

use crate::domain::order::Deadlines;

/// A setting that is missing or cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("environment variable {name} {problem}; template.yaml sets it")]
pub struct Missing {
    name: String,
    problem: &'static str,
}

/// The variable's text.
///
/// # Errors
/// [`Missing`], when it is not set or empty.
pub fn text(name: &str) -> Result<String, Missing> {
    let value = env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| Missing { name: name.into(), problem: "is not set" })
}

/// The variable's whole number.
///
/// # Errors
/// [`Missing`], when it is not set or no whole number.
pub fn number(name: &str) -> Result<u64, Missing> {
    text(name)?.parse().map_err(|_| Missing { name: name.into(), problem: "is not a whole number" })
}

/// The variable's number of milliseconds.
///
/// # Errors
/// [`Missing`], when it is not set or no whole number.
pub fn millis(name: &str) -> Result<Duration, Missing> {
    number(name).map(Duration::from_millis)
}

/// How long an open order waits: `PAYMENT_DEADLINE_SECONDS` and `PAYMENT_ACTION_DEADLINE_SECONDS`.
///
/// # Errors
/// [`Missing`].
pub fn deadlines() -> Result<Deadlines, Missing> {
    let whole = |name| number(name).map(|seconds| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)));
    Ok(Deadlines { payment: whole("PAYMENT_DEADLINE_SECONDS")?, action: whole("PAYMENT_ACTION_DEADLINE_SECONDS")? })
}

/// The variable's URL.
///
/// # Errors
/// [`Missing`], when it is not set or no absolute URL.
pub fn url(name: &str) -> Result<reqwest::Url, Missing> {
    text(name)?.parse().map_err(|_| Missing { name: name.into(), problem: "is not an absolute URL" })
}

/// Whether the process talks to a local endpoint instead of AWS.
pub fn is_local() -> bool {
    env::var("AWS_ENDPOINT_URL").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let missing = text("SOUK_NO_SUCH_VARIABLE").unwrap_err();
        assert_eq!(missing.to_string(), "environment variable SOUK_NO_SUCH_VARIABLE is not set; template.yaml sets it");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let refused = number("PATH").unwrap_err();
        assert_eq!(refused.to_string(), "environment variable PATH is not a whole number; template.yaml sets it");
    }
}

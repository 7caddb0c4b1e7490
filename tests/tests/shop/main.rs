//! The shop, through its gateway, with real tokens.

mod buying;
mod concurrency;
mod errors;
mod failures;
mod privacy;
mod reading;

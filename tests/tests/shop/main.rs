//! The shop, through its gateway, with real tokens.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod books;
mod buying;
mod cancelling;
mod counting;
mod dead_letters;
mod deadlines;
mod disorder;
mod errors;
mod failures;
mod frozen;
mod guarding;
mod hearing;
mod privacy;
mod reading;
mod reconciling;
mod runbooks;
mod saga;
mod settling;
mod steps;
mod woken;

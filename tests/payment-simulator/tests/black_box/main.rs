//! The simulator from outside: over HTTP, as an adapter and a test harness meet it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod control;
mod declines;
mod faults;
mod harness;
mod idempotency;
mod lifecycle;
mod process;
mod requests;

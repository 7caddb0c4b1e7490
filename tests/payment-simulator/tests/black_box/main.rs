//! The simulator from outside: over HTTP, as an adapter and a test harness meet it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bank;
mod control;
mod customers;
mod declines;
mod faults;
mod harness;
mod holds;
mod idempotency;
mod lifecycle;
mod paypal;
mod process;
mod refunds;
mod requests;
mod webhooks;

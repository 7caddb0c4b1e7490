//! The proxy from outside: between a client and an upstream, as a function and a test harness meet it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::doc_markdown, reason = "PayPal is a name, not code")]

mod capacity;
mod control;
mod faults;
mod forwarding;
mod harness;
mod kills;
mod naming;
mod program;

//! Souk's rules (`domain`) and the adapters that its functions share.
//!
//! Imports point one way: functions → adapters → `domain`. The domain knows no I/O, no AWS and no clock.

pub mod aws;
pub mod batch;
pub mod books;
pub mod config;
pub mod customer_action;
pub mod dead_letters;
pub mod domain;
pub mod http;
pub mod idempotency;
pub mod metrics;
pub mod order_view;
pub mod payments;
pub mod repositories;
pub mod retry;
pub mod saga;
pub mod settlement;
pub mod stream;
pub mod telemetry;

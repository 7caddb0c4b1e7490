//! The rules: pure functions over plain values. No I/O, no AWS, no clock.

pub mod event;
pub mod ids;
pub mod money;
pub mod order;
pub mod payment;
pub mod personal;
pub mod product;

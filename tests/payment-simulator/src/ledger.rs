//! What was moved: the truth that tests compare a shop's own records with.

use std::sync::Mutex;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    lock,
    operation::{Operation, Provider},
};

/// One movement of money.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) provider: Provider,
    pub(crate) operation: Operation,
    pub(crate) order_id: Option<String>,
    /// Integer minor units.
    pub(crate) amount: i64,
    /// ISO 4217, upper case, whatever the provider writes.
    pub(crate) currency: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) at: Timestamp,
}

/// All movements, in the order in which they happened.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    lines: Mutex<Vec<Line>>,
}

impl Ledger {
    /// Writes one line.
    pub(crate) fn write(&self, line: Line) {
        lock(&self.lines).push(line);
    }

    /// The lines of one order, or all of them.
    pub(crate) fn lines(&self, order_id: Option<&str>) -> Vec<Line> {
        let wanted = |line: &&Line| order_id.is_none() || line.order_id.as_deref() == order_id;
        lock(&self.lines).iter().filter(wanted).cloned().collect()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        lock(&self.lines).clear();
    }
}

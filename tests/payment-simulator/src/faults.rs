//! Faults: what is to go wrong, with which requests, and how often.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::{
    lock,
    operation::{Operation, Provider},
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// An authorisation is declined, whatever the card.
    Decline,
    /// The request waits, then goes on as usual, whether its caller still waits or not.
    Delay,
    /// The provider's port is closed until the faults are deleted.
    Refuse,
    /// 500, without effect.
    Error,
    /// The request takes effect; 500.
    ErrorAfter,
    /// The request takes effect; the connection is closed without an answer.
    LoseAnswer,
}

/// One fault that stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fault {
    pub(crate) provider: Provider,
    /// Always there, but for [`Kind::Refuse`], which needs none.
    pub(crate) operation: Option<Operation>,
    #[serde(rename = "fault")]
    pub(crate) kind: Kind,
    /// How many more requests it strikes.
    pub(crate) times: u64,
    /// How long a struck request waits first.
    pub(crate) delay_ms: u64,
    /// The only order whose requests it strikes; none: any.
    pub(crate) order_id: Option<String>,
}

impl Fault {
    fn strikes(&self, provider: Provider, operation: Operation, order_id: Option<&str>) -> bool {
        self.kind != Kind::Refuse
            && self.provider == provider
            && self.operation == Some(operation)
            && (self.order_id.is_none() || self.order_id.as_deref() == order_id)
    }
}

/// The faults that stand, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    standing: Mutex<Vec<Fault>>,
}

impl Faults {
    /// Adds one, behind those that stand.
    pub(crate) fn add(&self, fault: Fault) {
        lock(&self.standing).push(fault);
    }

    /// The oldest fault that strikes this request, counted down; a request takes one at most.
    pub(crate) fn take(&self, provider: Provider, operation: Operation, order_id: Option<&str>) -> Option<Fault> {
        let mut standing = lock(&self.standing);
        let index = standing.iter().position(|fault| fault.strikes(provider, operation, order_id))?;
        standing[index].times -= 1;
        let fault = standing[index].clone();
        if fault.times == 0 {
            standing.remove(index);
        }
        Some(fault)
    }

    /// Those that stand.
    pub(crate) fn standing(&self) -> Vec<Fault> {
        lock(&self.standing).clone()
    }

    /// None stands.
    pub(crate) fn clear(&self) {
        lock(&self.standing).clear();
    }
}

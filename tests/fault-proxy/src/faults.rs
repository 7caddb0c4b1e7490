//! Faults: which call is to go wrong, how, and what came of it.

use std::{sync::Mutex, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::lock;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The connection is reset; nothing is forwarded.
    Refuse,
    /// An answer of the 500 class in the service's shape; nothing is forwarded.
    Error,
    /// An answer that says to come back later, in the service's shape; nothing is forwarded.
    Throttle,
    /// The call is forwarded and its answer read; the connection is reset.
    LoseAnswer,
    /// The call waits, then is forwarded, whether its caller still waits or not.
    Delay,
    /// The calling process is killed; nothing is forwarded.
    KillBefore,
    /// The call is forwarded and its answer read; the calling process is killed.
    KillAfter,
    /// The call is held until it is thawed, then is forwarded, whether its caller still waits or not.
    Freeze,
}

impl Kind {
    fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }

    /// Whether it may strike each try of a call: nothing was forwarded, and the caller is there to try again.
    pub(crate) fn may_strike_again(self) -> bool {
        matches!(self, Self::Refuse | Self::Error | Self::Throttle)
    }
}

/// One call of one order, and what is to happen to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// None: a call of no known order.
    pub(crate) order_id: Option<String>,
    /// The call's name.
    pub(crate) call: String,
    #[serde(rename = "fault")]
    pub(crate) kind: Kind,
    /// How long [`Kind::Delay`] waits; 0 for the others.
    pub(crate) delay_ms: u64,
    /// Every other try of the call is struck too, as AWS's clients mark them: whoever calls hears of the failure.
    pub(crate) every_try: bool,
}

impl Fault {
    fn is_for(&self, order_id: Option<&str>, call: &str) -> bool {
        self.call == call && self.order_id.as_deref() == order_id
    }
}

/// A fault and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    id: u64,
    #[serde(flatten)]
    fault: Fault,
    /// It has been done.
    struck: bool,
    /// Nothing of its call is on its way any more: it was forwarded and answered, or will never be.
    over: bool,
    /// When it met its call.
    met_at: Option<Timestamp>,
    /// Its call is held until it is thawed.
    held: bool,
    /// Why it could not be done; its call then went on as if there were no fault.
    error: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Standing,
    UnderWay,
    Struck,
    Broken(String),
}

#[derive(Debug)]
struct Entry {
    id: u64,
    fault: Fault,
    state: State,
    over: bool,
    met_at: Option<Timestamp>,
    /// What the call that it met has in common with its other tries.
    invocation_id: Option<String>,
    thaw: Option<oneshot::Sender<()>>,
}

impl Entry {
    fn report(&self) -> Report {
        let error = match &self.state {
            State::Broken(error) => Some(error.clone()),
            _ => None,
        };
        let struck = self.state == State::Struck;
        let (id, fault, held) = (self.id, self.fault.clone(), self.thaw.is_some());
        Report { id, fault, struck, over: self.over, met_at: self.met_at, held, error }
    }
}

/// A fault that has met its call.
#[derive(Debug)]
pub(crate) struct Strike {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) delay: Duration,
    thawed: oneshot::Receiver<()>,
}

impl Strike {
    /// Returns when a frozen call may go on.
    pub(crate) async fn thawed(self) {
        let _ = self.thawed.await;
    }
}

#[derive(Debug, Default)]
struct Entries {
    count: u64,
    entries: Vec<Entry>,
}

/// All faults, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    faults: Mutex<Entries>,
}

impl Faults {
    /// Adds one and tells its id; none if one stands for this call already, for a call is struck by one at most.
    pub(crate) fn add(&self, fault: Fault) -> Option<u64> {
        let mut faults = lock(&self.faults);
        let is_same =
            |entry: &Entry| entry.state == State::Standing && entry.fault.is_for(fault.order_id.as_deref(), &fault.call);
        if faults.entries.iter().any(is_same) {
            return None;
        }
        faults.count += 1;
        let id = faults.count;
        faults.entries.push(Entry {
            id,
            fault,
            state: State::Standing,
            over: false,
            met_at: None,
            invocation_id: None,
            thaw: None,
        });
        Some(id)
    }

    /// The fault that stands for this call, or that struck another try of it, if any. It stands no more; a killing one is to be
    /// reported on.
    pub(crate) fn take(&self, order_id: Option<&str>, call: &str, invocation_id: Option<&str>) -> Option<Strike> {
        let mut faults = lock(&self.faults);
        let meets = |entry: &&mut Entry| entry.state == State::Standing && entry.fault.is_for(order_id, call);
        let Some(entry) = faults.entries.iter_mut().find(meets) else {
            let again = |entry: &&Entry| entry.fault.every_try && entry.invocation_id.as_deref() == invocation_id;
            let entry = faults.entries.iter().filter(|_| invocation_id.is_some()).find(again)?;
            return Some(Strike { id: entry.id, kind: entry.fault.kind, delay: Duration::ZERO, thawed: oneshot::channel().1 });
        };
        let kind = entry.fault.kind;
        entry.invocation_id = invocation_id.map(ToOwned::to_owned);
        entry.met_at = Some(Timestamp::now());
        entry.state = if kind.kills() { State::UnderWay } else { State::Struck };
        let (thaw, thawed) = oneshot::channel();
        entry.thaw = (kind == Kind::Freeze).then_some(thaw);
        Some(Strike { id: entry.id, kind, delay: Duration::from_millis(entry.fault.delay_ms), thawed })
    }

    /// Notes whether a kill could be done.
    pub(crate) fn report(&self, id: u64, done: &Result<(), String>) {
        if let Some(entry) = lock(&self.faults).entries.iter_mut().find(|entry| entry.id == id) {
            entry.state = done.as_ref().map_or_else(|error| State::Broken(error.clone()), |()| State::Struck);
        }
    }

    /// Notes that nothing of the call is on its way any more.
    pub(crate) fn note_over(&self, id: u64) {
        if let Some(entry) = lock(&self.faults).entries.iter_mut().find(|entry| entry.id == id) {
            entry.over = true;
        }
    }

    /// Lets a frozen call go on; false if none of this name is held.
    pub(crate) fn thaw(&self, order_id: Option<&str>, call: &str) -> bool {
        let mut faults = lock(&self.faults);
        let held = faults.entries.iter_mut().find(|entry| entry.thaw.is_some() && entry.fault.is_for(order_id, call));
        held.and_then(|entry| entry.thaw.take()).is_some_and(|thaw| thaw.send(()).is_ok())
    }

    /// All faults, or those of one order.
    pub(crate) fn reports(&self, order_id: Option<&str>) -> Vec<Report> {
        let wanted = |entry: &&Entry| order_id.is_none() || entry.fault.order_id.as_deref() == order_id;
        lock(&self.faults).entries.iter().filter(wanted).map(Entry::report).collect()
    }

    /// The fault of this id; none, if there never was one, or it was taken back.
    pub(crate) fn told(&self, id: u64) -> Option<Report> {
        lock(&self.faults).entries.iter().find(|entry| entry.id == id).map(Entry::report)
    }

    /// Takes back a fault that stands; false if none does of this id.
    pub(crate) fn withdraw(&self, id: u64) -> bool {
        let mut faults = lock(&self.faults);
        let before = faults.entries.len();
        faults.entries.retain(|entry| entry.id != id || entry.state != State::Standing);
        faults.entries.len() < before
    }

    /// None is left; calls that are frozen go on.
    pub(crate) fn clear(&self) {
        lock(&self.faults).entries.clear();
    }
}

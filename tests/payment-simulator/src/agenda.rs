//! What is to happen by itself, and when, by the simulator's clock.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// What is to happen, earliest first; what is due together happens in the order in which it was planned.
#[derive(Debug)]
pub(crate) struct Agenda<What> {
    planned: u64,
    items: BTreeMap<(Timestamp, u64), What>,
}

impl<What> Default for Agenda<What> {
    fn default() -> Self {
        Self { planned: 0, items: BTreeMap::new() }
    }
}

impl<What> Agenda<What> {
    /// Plans something; whoever takes it out judges whether it still applies.
    pub(crate) fn plan(&mut self, at: Timestamp, what: What) {
        self.planned += 1;
        self.items.insert((at, self.planned), what);
    }

    /// Takes out the earliest that is due, with the time at which it was.
    pub(crate) fn next_due(&mut self, now: Timestamp) -> Option<(Timestamp, What)> {
        let earliest = self.items.first_entry()?;
        let (at, _) = *earliest.key();
        (at <= now).then(|| (at, earliest.remove()))
    }
}

/// So many seconds after a time; never, when the calendar does not reach that far.
pub(crate) fn after(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

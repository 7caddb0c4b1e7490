//! The simulator's time: the machine's, shifted.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The clock that all timestamps and all expiries here go by.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    shift_seconds: AtomicI64,
}

impl Clock {
    /// The furthest that the clock can be shifted either way, in seconds: about a hundred years.
    pub(crate) const FURTHEST: i64 = 100 * 366 * 24 * 60 * 60;

    /// The machine's time plus the shift.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(SignedDuration::from_secs(self.shift())).unwrap_or(now)
    }

    /// How far the clock is shifted, in seconds.
    pub(crate) fn shift(&self) -> i64 {
        self.shift_seconds.load(Ordering::Relaxed)
    }

    /// Shifts the clock by so many seconds more, never further than [`Self::FURTHEST`].
    pub(crate) fn advance(&self, seconds: i64) {
        let further = |shift: i64| Some(shift.saturating_add(seconds).clamp(-Self::FURTHEST, Self::FURTHEST));
        let _ = self.shift_seconds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, further);
    }

    /// Back to the machine's time.
    pub(crate) fn reset(&self) {
        self.shift_seconds.store(0, Ordering::Relaxed);
    }
}

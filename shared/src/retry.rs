//! Waiting between tries: exponential backoff with full jitter, so that those who met once do not meet again.

use std::time::Duration;

/// How long to wait before try `attempt` (0 is the first repeat): anything from nothing to `base · 2^attempt`, at most `cap`.
pub fn full_jitter(attempt: u32, base: Duration, cap: Duration) -> Duration {
    let ceiling = base.saturating_mul(2_u32.saturating_pow(attempt)).min(cap);
    ceiling.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_spread_over_a_growing_and_bounded_range() {
        let (base, cap) = (Duration::from_millis(10), Duration::from_millis(200));
        for attempt in [0, 1, 4, 40] {
            let waits: Vec<_> = (0..200).map(|_| full_jitter(attempt, base, cap)).collect();
            let ceiling = base.saturating_mul(2_u32.saturating_pow(attempt)).min(cap);
            assert!(waits.iter().all(|wait| *wait <= ceiling));
            assert!(waits.iter().any(|wait| *wait > ceiling / 2) && waits.iter().any(|wait| *wait < ceiling / 2));
        }
    }
}

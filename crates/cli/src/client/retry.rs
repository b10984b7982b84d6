//! When a call is tried again, and how long to wait: random below a bound that doubles, so that many clients that
//! were refused together do not come back together.

use std::time::Duration;

use millrace_base::Rng;

use super::limits::{BACKOFF_MAX, BACKOFF_START};

/// The wait after the `attempt`-th failure, counted from 1.
pub(super) fn backoff(attempt: u32, rng: &dyn Rng) -> Duration {
    let bound = BACKOFF_START
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(BACKOFF_MAX);
    let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX).max(1);
    Duration::from_micros(rng.next_u64() % micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_base::SeededRng;

    #[test]
    fn waits_differ_and_stay_below_a_bound_that_doubles() {
        let rng = SeededRng::new(3);
        for attempt in 1..40 {
            let bound = (BACKOFF_START * 2u32.pow(attempt.min(10) - 1)).min(BACKOFF_MAX);
            let waits: Vec<_> = (0..100).map(|_| backoff(attempt, &rng)).collect();
            assert!(waits.iter().all(|wait| *wait < bound));
            assert!(waits.iter().any(|wait| *wait > bound / 2), "attempt {attempt}");
            assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
        }
    }
}

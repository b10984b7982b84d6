//! How long to wait before a call is tried again: random below a bound that doubles, so that many clients that were
//! refused together do not come back together.

use std::time::Duration;

use millrace_base::Rng;

/// The wait after the `attempt`-th failure, counted from 1: below `start`, which doubles with each further failure up to
/// `most`.
#[must_use]
pub fn backoff(attempt: u32, (start, most): (Duration, Duration), rng: &dyn Rng) -> Duration {
    let bound = start
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(most);
    let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX).max(1);
    Duration::from_micros(rng.next_u64() % micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_base::SeededRng;

    #[test]
    fn waits_differ_and_stay_below_a_bound_that_doubles() {
        let (start, most) = (Duration::from_millis(50), Duration::from_secs(3));
        let rng = SeededRng::new(3);
        for attempt in 1..40 {
            let bound = (start * 2u32.pow(attempt.min(10) - 1)).min(most);
            let waits: Vec<_> = (0..100).map(|_| backoff(attempt, (start, most), &rng)).collect();
            assert!(waits.iter().all(|wait| *wait < bound));
            assert!(waits.iter().any(|wait| *wait > bound / 2), "attempt {attempt}");
            assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
        }
    }
}

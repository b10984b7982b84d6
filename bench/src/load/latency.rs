//! Latencies: recorded in a histogram of bounded size and error, told as percentiles.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

/// Longest latency that is told apart, in nanoseconds; what took longer counts as this.
const LONGEST_NS: u64 = 300_000_000_000;
/// Digits that are kept of every latency: an error below 0.1 %.
const DIGITS: u8 = 3;

/// Records latencies.
pub struct Recorder(Histogram<u64>);

impl Default for Recorder {
    fn default() -> Self {
        // The bounds are constants that the histogram takes; without bounds it grows by itself.
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS);
        Self(histogram.unwrap_or_else(|_| unreachable!("the bounds are in order")))
    }
}

impl Recorder {
    /// One call.
    pub fn record(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(LONGEST_NS);
        self.0.saturating_record(nanos.max(1));
    }

    /// All that another recorded.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }
}

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// Calls per second.
    pub per_s: f64,
}

impl Latency {
    /// Of calls that were recorded while so long passed.
    pub fn of(recorder: &Recorder, took: Duration) -> Self {
        let at = |q: f64| recorder.0.value_at_quantile(q) as f64 / 1e6;
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: recorder.0.max() as f64 / 1e6,
            per_s: recorder.count() as f64 / took.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_that_was_recorded() {
        let (mut one, mut other) = (Recorder::default(), Recorder::default());
        (1..=500).for_each(|ms| one.record(Duration::from_millis(ms)));
        (501..=1000).for_each(|ms| other.record(Duration::from_millis(ms)));
        one.merge(&other).unwrap();
        let latency = Latency::of(&one, Duration::from_secs(10));
        assert!((latency.p50 - 500.0).abs() < 1.0, "{latency:?}");
        assert!((latency.p99 - 990.0).abs() < 2.0, "{latency:?}");
        assert!((latency.max - 1000.0).abs() < 2.0, "{latency:?}");
        assert!((latency.per_s - 100.0).abs() < f64::EPSILON, "{latency:?}");
    }

    #[test]
    fn what_is_out_of_bounds_is_kept_at_the_bound() {
        let mut recorder = Recorder::default();
        recorder.record(Duration::ZERO);
        recorder.record(Duration::from_secs(3600));
        assert_eq!(recorder.count(), 2);
    }
}

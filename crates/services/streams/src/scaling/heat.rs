//! Which shards are hot and which are cold.

use std::time::Duration;

use super::load::Load;
use crate::limits::{COLD_FOR, HEAT_SMOOTHING, SHARD_WRITE_BYTES_PER_S, SHARD_WRITE_RECORDS_PER_S};

/// How warm a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heat {
    /// Half of its throughput or more is used: one that grows would be throttled soon.
    Hot,
    /// In between.
    Mild,
    /// An eighth or less was used for a while: with another one like it, it would still be far from hot.
    Cold,
}

/// One shard's rates, smoothed over [`HEAT_SMOOTHING`].
#[derive(Clone, Debug)]
pub(crate) struct Track {
    at: Duration,
    bytes: u64,
    records: u64,
    bytes_per_s: f64,
    records_per_s: f64,
    /// Since when little came.
    cool_since: Option<Duration>,
}

impl Track {
    /// Begins at `now`, with nothing known of the time before.
    pub(crate) fn new(now: Duration, load: &Load) -> Self {
        Self {
            at: now,
            bytes: load.bytes,
            records: load.records,
            bytes_per_s: 0.0,
            records_per_s: 0.0,
            cool_since: Some(now),
        }
    }

    /// Takes in what came since the last time.
    #[expect(clippy::cast_precision_loss, reason = "rates need not be exact")]
    pub(crate) fn observe(&mut self, now: Duration, load: &Load) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        if passed <= 0.0 {
            return;
        }
        let weight = passed / (passed + HEAT_SMOOTHING.as_secs_f64());
        let bytes = load.bytes.saturating_sub(self.bytes) as f64 / passed;
        let records = load.records.saturating_sub(self.records) as f64 / passed;
        self.bytes_per_s += (bytes - self.bytes_per_s) * weight;
        self.records_per_s += (records - self.records_per_s) * weight;
        (self.at, self.bytes, self.records) = (now, load.bytes, load.records);
        if self.usage() > 0.125 {
            self.cool_since = None;
        } else {
            self.cool_since.get_or_insert(now);
        }
    }

    /// The share of its throughput that is used; 1 is all of it.
    #[expect(clippy::cast_precision_loss, reason = "rates need not be exact")]
    pub(crate) fn usage(&self) -> f64 {
        let bytes = self.bytes_per_s / SHARD_WRITE_BYTES_PER_S as f64;
        bytes.max(self.records_per_s / SHARD_WRITE_RECORDS_PER_S as f64)
    }

    /// How warm it is at the time of the last look.
    pub(crate) fn heat(&self) -> Heat {
        if self.usage() >= 0.5 {
            return Heat::Hot;
        }
        match self.cool_since {
            Some(since) if self.at.saturating_sub(since) >= COLD_FOR => Heat::Cold,
            _ => Heat::Mild,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(10);

    /// Heat after each of `rates`, bytes per second over a tick.
    fn heats(rates: &[u64]) -> Vec<Heat> {
        let (mut load, mut now) = (Load::default(), Duration::ZERO);
        let mut track = Track::new(now, &load);
        let after = rates.iter().map(|rate| {
            load.bytes += rate * TICK.as_secs();
            now += TICK;
            track.observe(now, &load);
            track.heat()
        });
        after.collect()
    }

    #[test]
    fn what_lasts_is_hot_and_what_passes_is_not() {
        let all = SHARD_WRITE_BYTES_PER_S;
        assert_eq!(heats(&[all, 0, 0]), [Heat::Mild; 3]);
        assert_eq!(heats(&[all; 3]), [Heat::Mild, Heat::Mild, Heat::Hot]);
        assert_eq!(heats(&[100 * all])[0], Heat::Hot);
        assert!(heats(&[all / 3; 100]).iter().all(|heat| *heat == Heat::Mild));
    }

    #[test]
    fn records_count_like_bytes() {
        let mut track = Track::new(Duration::ZERO, &Load::default());
        let mut load = Load::default();
        load.records = 3000 * TICK.as_secs();
        track.observe(TICK, &load);
        assert_eq!(track.heat(), Heat::Hot);
        track.observe(TICK, &load);
        assert_eq!(track.heat(), Heat::Hot, "no time passed");
    }

    #[test]
    fn a_shard_is_cold_after_a_while_of_little() {
        let ticks = usize::try_from(COLD_FOR.as_secs() / TICK.as_secs()).unwrap();
        let mut rates = vec![100; ticks + 1];
        let quiet = heats(&rates);
        assert_eq!(quiet[ticks - 2], Heat::Mild);
        assert_eq!(quiet[ticks], Heat::Cold);
        rates[ticks / 2] = SHARD_WRITE_BYTES_PER_S;
        assert_eq!(heats(&rates)[ticks], Heat::Mild);
    }
}

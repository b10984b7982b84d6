//! A shard's throughput: token buckets on the clock, per log (Quotas: 1 MiB/s and 1,000 records/s in; 2 MiB/s and five
//! GetRecords calls per second out).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::limits::{
    SHARD_BUCKETS_MAX, SHARD_READ_BYTES_PER_S, SHARD_READ_CALLS_PER_S, SHARD_WRITE_BURST_BYTES,
    SHARD_WRITE_BYTES_PER_S, SHARD_WRITE_RECORDS_PER_S,
};
use crate::state::LogNumber;

/// Tokens in millionths. May go below zero where a large answer is paid for afterwards.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    micros: i128,
    capacity: i128,
    per_second: i128,
}

impl Bucket {
    fn full(capacity: u64, per_second: u64) -> Self {
        let capacity = i128::from(capacity) * 1_000_000;
        Self {
            micros: capacity,
            capacity,
            per_second: i128::from(per_second),
        }
    }

    fn fill(&mut self, passed: Duration) {
        // Microseconds times tokens per second are millionths of a token.
        let gained = i128::try_from(passed.as_micros())
            .unwrap_or(i128::MAX / 2)
            .saturating_mul(self.per_second);
        self.micros = self.micros.saturating_add(gained).min(self.capacity);
    }

    fn has(&self, tokens: u64) -> bool {
        self.micros >= i128::from(tokens) * 1_000_000
    }

    fn take(&mut self, tokens: u64) {
        self.micros -= i128::from(tokens) * 1_000_000;
    }
}

#[derive(Debug)]
struct Shard {
    at: Duration,
    records_in: Bucket,
    bytes_in: Bucket,
    /// Holds what single records larger than a second's bytes may draw on.
    burst_in: Bucket,
    calls_out: Bucket,
    bytes_out: Bucket,
}

impl Shard {
    fn new(at: Duration) -> Self {
        Self {
            at,
            records_in: Bucket::full(SHARD_WRITE_RECORDS_PER_S, SHARD_WRITE_RECORDS_PER_S),
            bytes_in: Bucket::full(SHARD_WRITE_BYTES_PER_S, SHARD_WRITE_BYTES_PER_S),
            burst_in: Bucket::full(SHARD_WRITE_BURST_BYTES, SHARD_WRITE_BYTES_PER_S),
            calls_out: Bucket::full(SHARD_READ_CALLS_PER_S, SHARD_READ_CALLS_PER_S),
            bytes_out: Bucket::full(SHARD_READ_BYTES_PER_S, SHARD_READ_BYTES_PER_S),
        }
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.at = now;
        for bucket in [
            &mut self.records_in,
            &mut self.bytes_in,
            &mut self.burst_in,
            &mut self.calls_out,
            &mut self.bytes_out,
        ] {
            bucket.fill(passed);
        }
    }
}

/// The buckets of all shards that were used lately.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    shards: Mutex<HashMap<LogNumber, Shard>>,
}

impl Admission {
    /// Takes one record of `bytes` in, if the shard has room for it.
    pub(crate) fn write(&self, log: LogNumber, bytes: u64, now: Duration) -> bool {
        self.with(log, now, |shard| {
            if !shard.records_in.has(1) {
                return false;
            }
            let large = bytes > SHARD_WRITE_BYTES_PER_S;
            let bucket = if large {
                &mut shard.burst_in
            } else {
                &mut shard.bytes_in
            };
            if !bucket.has(bytes) {
                return false;
            }
            bucket.take(bytes);
            shard.records_in.take(1);
            true
        })
    }

    /// Takes one GetRecords in, if the shard may be read now. What it yields is paid for with [`Admission::was_read`].
    pub(crate) fn read(&self, log: LogNumber, now: Duration) -> bool {
        self.with(log, now, |shard| {
            let free = shard.calls_out.has(1) && shard.bytes_out.micros > 0;
            if free {
                shard.calls_out.take(1);
            }
            free
        })
    }

    /// So many bytes left the shard: ten MiB keep it closed for five seconds.
    pub(crate) fn was_read(&self, log: LogNumber, bytes: u64, now: Duration) {
        self.with(log, now, |shard| shard.bytes_out.take(bytes));
    }

    fn with<T>(&self, log: LogNumber, now: Duration, run: impl FnOnce(&mut Shard) -> T) -> T {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if shards.len() >= SHARD_BUCKETS_MAX && !shards.contains_key(&log) {
            // A bucket that was not used for this long is full again, and a full one need not be kept.
            shards.retain(|_, shard| now.saturating_sub(shard.at) < Duration::from_secs(10));
            if shards.len() >= SHARD_BUCKETS_MAX {
                shards.clear();
            }
        }
        let shard = shards.entry(log).or_insert_with(|| Shard::new(now));
        shard.fill(now);
        run(shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogNumber = LogNumber(1);

    #[test]
    fn a_thousand_records_or_a_mebibyte_a_second() {
        let admission = Admission::default();
        let now = Duration::from_secs(1);
        assert_eq!((0..2000).filter(|_| admission.write(LOG, 10, now)).count(), 1000);
        let later = now + Duration::from_millis(500);
        assert_eq!((0..2000).filter(|_| admission.write(LOG, 10, later)).count(), 500);
        let other = LogNumber(2);
        assert_eq!(
            (0..2000).filter(|_| admission.write(other, 1 << 16, now)).count(),
            16
        );
    }

    #[test]
    fn a_large_record_draws_on_the_burst() {
        let admission = Admission::default();
        let now = Duration::from_secs(1);
        assert!(admission.write(LOG, 10 << 20, now));
        assert!(!admission.write(LOG, 2 << 20, now));
        assert!(admission.write(LOG, 2 << 20, now + Duration::from_secs(2)));
    }

    #[test]
    fn ten_mebibytes_close_a_shard_for_five_seconds() {
        let admission = Admission::default();
        let now = Duration::from_secs(1);
        assert!(admission.read(LOG, now));
        admission.was_read(LOG, 12 << 20, now);
        assert!(!admission.read(LOG, now + Duration::from_secs(5)));
        assert!(admission.read(LOG, now + Duration::from_millis(5001)));
        let other = LogNumber(2);
        assert_eq!((0..9).filter(|_| admission.read(other, now)).count(), 5);
    }
}

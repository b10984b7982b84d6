//! Request rates: token buckets on the clock, one per operation and account or stream.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::limits::RATE_BUCKETS_MAX;

/// What is counted together: operation, account, region, and the stream's name where it counts per stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RateKey {
    pub(crate) operation: &'static str,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) stream: String,
}

/// Tokens in millionths, and when they were counted.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    micros: u64,
    at: Duration,
}

/// One token, in millionths.
const TOKEN: u64 = 1_000_000;

/// The buckets. A bucket that is not there is full, so full ones may be forgotten at any time.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: Mutex<HashMap<RateKey, Bucket>>,
}

impl Rates {
    /// Takes a token of a bucket that holds `per_second` and gains as many each second. Says whether there was one.
    pub(crate) fn take(&self, key: RateKey, per_second: u32, now: Duration) -> bool {
        let capacity = u64::from(per_second) * TOKEN;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= RATE_BUCKETS_MAX && !buckets.contains_key(&key) {
            // A bucket fills within one second.
            buckets.retain(|_, bucket| now.saturating_sub(bucket.at) < Duration::from_secs(1));
            if buckets.len() >= RATE_BUCKETS_MAX {
                return false;
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket {
            micros: capacity,
            at: now,
        });
        let passed = u64::try_from(now.saturating_sub(bucket.at).as_micros()).unwrap_or(u64::MAX);
        // Microseconds times tokens per second are millionths of a token.
        let gained = passed.saturating_mul(u64::from(per_second));
        bucket.micros = bucket.micros.saturating_add(gained).min(capacity);
        bucket.at = now;
        let enough = bucket.micros >= TOKEN;
        if enough {
            bucket.micros -= TOKEN;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_no_more() {
        let rates = Rates::default();
        let key = |stream: &str| RateKey {
            operation: "X",
            account: "a".to_owned(),
            region: "r".to_owned(),
            stream: stream.to_owned(),
        };
        let mut now = Duration::from_secs(7);
        let burst = (0..10).filter(|_| rates.take(key("s"), 5, now)).count();
        assert_eq!(burst, 5);
        assert!(rates.take(key("t"), 5, now), "another stream has its own bucket");
        now += Duration::from_millis(200);
        assert!(rates.take(key("s"), 5, now));
        assert!(!rates.take(key("s"), 5, now));
        now += Duration::from_secs(60);
        assert_eq!((0..10).filter(|_| rates.take(key("s"), 5, now)).count(), 5);
    }

    #[test]
    fn the_number_of_buckets_is_bounded() {
        let rates = Rates::default();
        let now = Duration::from_secs(1);
        for i in 0..RATE_BUCKETS_MAX + 10 {
            let key = RateKey {
                operation: "X",
                account: String::new(),
                region: String::new(),
                stream: i.to_string(),
            };
            rates.take(key, 1, now);
        }
        assert_eq!(rates.buckets.lock().unwrap().len(), RATE_BUCKETS_MAX);
    }
}

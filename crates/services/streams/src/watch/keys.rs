//! The partition keys that occur most, in bounded space.
//!
//! Space-saving (Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams"):
//! a key that is none of those counted takes the place of the rarest of them and inherits its count. Every key with more
//! than one in [`WATCHED_KEYS`] of the records is there, and no count is too low; it is too high by at most the
//! inherited part, which is taken off when it is told. Two generations make that a matter of the last seconds.

use std::time::Duration;

use crate::limits::{WATCHED_KEYS, WATCHED_KEYS_FOR};

/// A key and how many of the records had it, at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HotKey {
    pub(crate) key: String,
    pub(crate) records: u64,
}

#[derive(Debug)]
struct Counted {
    key: Box<str>,
    count: u64,
    /// What it inherited.
    excess: u64,
}

/// Keys of some time.
#[derive(Debug, Default)]
struct Sketch {
    /// No more than [`WATCHED_KEYS`].
    counted: Vec<Counted>,
    records: u64,
}

impl Sketch {
    fn add(&mut self, key: &str) {
        self.records += 1;
        if let Some(known) = self.counted.iter_mut().find(|counted| *counted.key == *key) {
            known.count += 1;
            return;
        }
        if self.counted.len() < WATCHED_KEYS {
            self.counted.push(Counted {
                key: key.into(),
                count: 1,
                excess: 0,
            });
            return;
        }
        if let Some(rarest) = self.counted.iter_mut().min_by_key(|counted| counted.count) {
            *rarest = Counted {
                key: key.into(),
                excess: rarest.count,
                count: rarest.count + 1,
            };
        }
    }
}

/// Keys of the last seconds: between one and two generations.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    now: Sketch,
    before: Sketch,
    /// When the generation began, in monotonic time.
    since: Duration,
}

impl Keys {
    fn turn(&mut self, now: Duration) {
        let age = now.saturating_sub(self.since);
        if age < WATCHED_KEYS_FOR {
            return;
        }
        self.before = std::mem::take(&mut self.now);
        if age >= 2 * WATCHED_KEYS_FOR {
            self.before = Sketch::default();
        }
        self.since = now;
    }

    pub(crate) fn add(&mut self, key: &str, now: Duration) {
        self.turn(now);
        self.now.add(key);
    }

    /// The hottest keys, hottest first, and of how many records.
    pub(crate) fn hottest(&mut self, most: usize, now: Duration) -> (Vec<HotKey>, u64) {
        self.turn(now);
        let mut keys: Vec<HotKey> = Vec::new();
        for counted in self.now.counted.iter().chain(&self.before.counted) {
            let records = counted.count - counted.excess;
            match keys.iter_mut().find(|known| *known.key == *counted.key) {
                Some(known) => known.records += records,
                None => keys.push(HotKey {
                    key: counted.key.to_string(),
                    records,
                }),
            }
        }
        keys.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.key.cmp(&b.key)));
        keys.truncate(most);
        (keys, self.now.records + self.before.records)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hottest_comes_first_and_is_forgotten_after_a_while() {
        let mut keys = Keys::default();
        for i in 0..1000 {
            keys.add(&format!("cold-{i}"), Duration::ZERO);
            keys.add("hot", Duration::ZERO);
        }
        let (hottest, records) = keys.hottest(1, WATCHED_KEYS_FOR);
        assert_eq!(records, 2000);
        assert_eq!(hottest[0].key, "hot");
        assert!((900..=1000).contains(&hottest[0].records), "{hottest:?}");
        let (hottest, records) = keys.hottest(1, 3 * WATCHED_KEYS_FOR);
        assert_eq!((hottest, records), (Vec::new(), 0));
    }

    proptest! {
        #[test]
        fn frequent_keys_are_there_and_never_overcounted(picks in proptest::collection::vec(0u32..100, 1..2000)) {
            let mut keys = Keys::default();
            // Small numbers are frequent.
            let names: Vec<String> = picks.iter().map(|pick| format!("k{}", pick * pick / 400)).collect();
            for name in &names {
                keys.add(name, Duration::ZERO);
            }
            let (told, of) = keys.hottest(WATCHED_KEYS, Duration::ZERO);
            prop_assert_eq!(of, names.len() as u64);
            let count = |key: &str| names.iter().filter(|name| *name == key).count() as u64;
            for hot in &told {
                prop_assert!(hot.records <= count(&hot.key));
            }
            for name in &names {
                let frequent = count(name) > of / WATCHED_KEYS as u64;
                prop_assert!(!frequent || told.iter().any(|hot| hot.key == *name), "{}", name);
            }
        }
    }
}

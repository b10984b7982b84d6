//! What comes into the shards of on-demand streams.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::{LOAD_SAMPLES, SHARD_METERS_MAX};
use crate::shard::spread::Spread;
use crate::state::LogNumber;

/// One shard's load since it was first seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// Hash keys of some of the last records, one of every append.
    pub(crate) samples: Vec<u128>,
    oldest: usize,
}

impl Load {
    fn add(&mut self, bytes: u64, records: u64, sample: u128) {
        self.bytes += bytes;
        self.records += records;
        match self.samples.get_mut(self.oldest) {
            Some(slot) => *slot = sample,
            None => self.samples.push(sample),
        }
        self.oldest = (self.oldest + 1) % LOAD_SAMPLES;
    }
}

/// The loads of all shards that have one.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    loads: Mutex<HashMap<LogNumber, Load>>,
    picks: Spread,
}

impl Loads {
    fn lock(&self) -> MutexGuard<'_, HashMap<LogNumber, Load>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of `count` records is to be the sample of an append.
    pub(crate) fn pick(&self, count: usize) -> usize {
        self.picks.below(count)
    }

    /// Counts an append; `sample` is the hash key of one of its records.
    pub(crate) fn add(&self, log: LogNumber, bytes: u64, records: u64, sample: u128) {
        let mut loads = self.lock();
        if loads.len() < SHARD_METERS_MAX || loads.contains_key(&log) {
            loads.entry(log).or_default().add(bytes, records, sample);
        }
    }

    /// A shard's load so far; `None` where there was no room to count it.
    pub(crate) fn get(&self, log: LogNumber) -> Option<Load> {
        let loads = self.lock();
        match loads.get(&log) {
            None if loads.len() >= SHARD_METERS_MAX => None,
            load => Some(load.cloned().unwrap_or_default()),
        }
    }

    /// Forgets all but these.
    pub(crate) fn retain(&self, logs: &HashSet<LogNumber>) {
        self.lock().retain(|log, _| logs.contains(log));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_samples_are_kept() {
        let loads = Loads::default();
        let count = LOAD_SAMPLES as u64 + 5;
        for i in 0..count {
            loads.add(LogNumber(1), 10, 2, u128::from(i));
        }
        let load = loads.get(LogNumber(1)).unwrap();
        assert_eq!(
            (load.bytes, load.records, load.samples.len()),
            (10 * count, 2 * count, LOAD_SAMPLES)
        );
        assert_eq!(load.samples.iter().min(), Some(&5));
        assert_eq!(loads.get(LogNumber(2)), Some(Load::default()));
        loads.retain(&HashSet::new());
        assert_eq!(loads.get(LogNumber(1)), Some(Load::default()));
    }
}

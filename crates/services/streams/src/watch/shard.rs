//! What is measured of one shard.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::keys::{HotKey, Keys};
use super::locked;
use crate::limits::WATCHED_READERS_MAX;

/// Sums since the watch began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) records_in: u64,
    /// Of data and partition keys.
    pub(crate) bytes_in: u64,
    pub(crate) records_out: u64,
    /// Of data.
    pub(crate) bytes_out: u64,
    /// Records.
    pub(crate) puts_throttled: u64,
    /// Calls.
    pub(crate) reads_throttled: u64,
}

impl Traffic {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            records_in: self.records_in + other.records_in,
            bytes_in: self.bytes_in + other.bytes_in,
            records_out: self.records_out + other.records_out,
            bytes_out: self.bytes_out + other.bytes_out,
            puts_throttled: self.puts_throttled + other.puts_throttled,
            reads_throttled: self.reads_throttled + other.reads_throttled,
        }
    }
}

/// How far a reader was behind when it read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) records: u64,
    pub(crate) millis: u64,
    /// When that was, in monotonic time.
    pub(crate) at: Duration,
}

/// One shard of a stream that somebody looks at.
#[derive(Debug, Default)]
pub(crate) struct ShardWatch {
    records_in: AtomicU64,
    bytes_in: AtomicU64,
    records_out: AtomicU64,
    bytes_out: AtomicU64,
    puts_throttled: AtomicU64,
    reads_throttled: AtomicU64,
    keys: Mutex<Keys>,
    /// By consumer; those that share GetRecords are one.
    readers: Mutex<BTreeMap<String, Lag>>,
}

impl ShardWatch {
    /// Counts records that were stored, with those of their keys that are known.
    pub(crate) fn put<'k>(
        &self,
        (records, bytes): (u64, u64),
        keys: impl Iterator<Item = &'k str>,
        now: Duration,
    ) {
        self.records_in.fetch_add(records, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        let mut hot = locked(&self.keys);
        for key in keys {
            hot.add(key, now);
        }
    }

    /// Counts a record that was throttled.
    pub(crate) fn put_throttled(&self) {
        self.puts_throttled.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a GetRecords that was throttled.
    pub(crate) fn read_throttled(&self) {
        self.reads_throttled.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what a reader got, and notes how far it is now.
    pub(crate) fn read(&self, reader: &str, (records, bytes): (u64, u64), lag: Lag) {
        self.records_out.fetch_add(records, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        let mut readers = locked(&self.readers);
        let room = readers.len() < WATCHED_READERS_MAX;
        if let Some(known) = readers.get_mut(reader) {
            *known = lag;
        } else if room {
            readers.insert(reader.to_owned(), lag);
        }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            records_in: self.records_in.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            records_out: self.records_out.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            puts_throttled: self.puts_throttled.load(Ordering::Relaxed),
            reads_throttled: self.reads_throttled.load(Ordering::Relaxed),
        }
    }

    /// The hottest keys of the last seconds, and of how many records.
    pub(crate) fn hottest(&self, most: usize, now: Duration) -> (Vec<HotKey>, u64) {
        locked(&self.keys).hottest(most, now)
    }

    pub(crate) fn readers(&self) -> Vec<(String, Lag)> {
        let readers = locked(&self.readers);
        readers.iter().map(|(name, lag)| (name.clone(), *lag)).collect()
    }
}

//! What the engine counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::codec::as_u64;

/// Upper bounds of the commit latency buckets, in microseconds; one more bucket takes the rest.
pub const COMMIT_BUCKETS_MICROS: [u64; 12] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 25_000, 50_000, 100_000, 1_000_000,
];

/// Counts since the start, and levels now. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Group commits.
    pub commits: u64,
    /// Calls answered by them.
    pub calls: u64,
    /// Bytes written to the write-ahead log, with headers and padding.
    pub wal_bytes: u64,
    /// Time all commits took together, microseconds.
    pub commit_micros: u64,
    /// Commits per bucket of [`COMMIT_BUCKETS_MICROS`], not cumulative; the last is for slower ones.
    pub commit_buckets: [u64; 13],
    /// Calls that wait for the disk now.
    pub queue_calls: u64,
    /// Bytes that wait for the disk now.
    pub queue_bytes: u64,
    /// Logs now.
    pub logs: u64,
    /// Bytes of records in memory that are in no sealed file yet.
    pub tail_cache_bytes: u64,
    /// Sealed files now.
    pub sealed_files: u64,
    /// Bytes of them.
    pub sealed_file_bytes: u64,
    /// Times that unsealed records were moved to files.
    pub seals: u64,
    /// Bytes written to sealed files, those of rewrites included.
    pub sealed_bytes_written: u64,
    /// Rewrites that merged small files or dropped dead records.
    pub compactions: u64,
    /// Sealings and rewrites that failed and are tried again.
    pub background_failures: u64,
    /// Reads that found damaged bytes.
    pub damaged_reads: u64,
    /// 1 while the disk has no room, else 0.
    pub disk_full: u64,
    /// 1 when the storage failed for good, else 0.
    pub failed: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    commits: AtomicU64,
    calls: AtomicU64,
    wal_bytes: AtomicU64,
    commit_micros: AtomicU64,
    buckets: [AtomicU64; 13],
    pub(super) sealed_files: AtomicU64,
    pub(super) sealed_file_bytes: AtomicU64,
    pub(super) seals: AtomicU64,
    pub(super) sealed_bytes_written: AtomicU64,
    pub(super) compactions: AtomicU64,
    pub(super) background_failures: AtomicU64,
    pub(super) damaged_reads: AtomicU64,
}

impl Counters {
    pub(super) fn wrote(&self, bytes: usize) {
        self.wal_bytes.fetch_add(as_u64(bytes), Ordering::Relaxed);
    }

    pub(super) fn committed(&self, calls: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(as_u64(calls), Ordering::Relaxed);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
        let bucket = COMMIT_BUCKETS_MICROS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn wal_bytes(&self) -> u64 {
        self.wal_bytes.load(Ordering::Relaxed)
    }

    /// The counts; levels are the caller's.
    pub(super) fn snapshot(&self) -> Metrics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            commits: get(&self.commits),
            calls: get(&self.calls),
            wal_bytes: get(&self.wal_bytes),
            commit_micros: get(&self.commit_micros),
            commit_buckets: self.buckets.each_ref().map(get),
            sealed_files: get(&self.sealed_files),
            sealed_file_bytes: get(&self.sealed_file_bytes),
            seals: get(&self.seals),
            sealed_bytes_written: get(&self.sealed_bytes_written),
            compactions: get(&self.compactions),
            background_failures: get(&self.background_failures),
            damaged_reads: get(&self.damaged_reads),
            ..Metrics::default()
        }
    }
}

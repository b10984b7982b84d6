//! The promise of [`Log`] as tests, to be run on every engine. What survives a restart is each engine's own test.
//!
//! A case gets an empty log of its own, so that all of them can run on one engine, at the same time.

mod append;
mod ending;
mod reading;
mod watching;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{Batch, Log, LogId, LogOptions, ReadLimits};

/// Everything at once.
pub(crate) const ALL: ReadLimits = ReadLimits {
    bytes: usize::MAX,
    records: usize::MAX,
};

/// A promise, by name.
type Case = (
    &'static str,
    fn(Ground) -> Pin<Box<dyn Future<Output = ()> + Send>>,
);

macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$((concat!(stringify!($module), "::", stringify!($name)), |ground| Box::pin($module::$name(ground)))),*]
    };
}

const CASES: [Case; 21] = cases![
    append::offsets_are_dense_from_zero,
    append::order_is_that_of_the_calls,
    append::a_dropped_future_does_not_cancel,
    append::a_bad_batch_is_refused,
    append::many_at_once_are_as_many_calls,
    append::too_many_for_one_write_are_as_many_calls,
    append::times_never_go_back,
    append::many_writers_lose_nothing,
    append::large_and_empty_records_come_back,
    reading::limits_hold_but_for_the_first_record,
    reading::the_tail_reads_empty_and_behind_it_fails,
    reading::an_acknowledged_record_is_readable_at_once,
    reading::times_find_offsets,
    reading::what_is_trimmed_is_gone,
    reading::logs_do_not_see_each_other,
    ending::a_sealed_log_takes_nothing,
    ending::seal_comes_after_what_was_queued,
    ending::a_deleted_log_is_not_there,
    ending::an_unknown_log_is_not_there,
    watching::watch_follows_the_tail,
    watching::watch_sees_seal_and_delete,
];

/// An engine and an empty log on it.
#[derive(Clone, Debug)]
pub struct Ground {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) id: LogId,
}

impl Ground {
    /// A record by its number.
    pub(crate) fn record(number: usize) -> Vec<u8> {
        format!("record {number} {}", "x".repeat(number % 97)).into_bytes()
    }

    /// Appends one record per number.
    pub(crate) async fn append(&self, numbers: std::ops::Range<usize>) {
        let records: Vec<Vec<u8>> = numbers.map(Self::record).collect();
        self.log
            .append(self.id, Batch::of(&records))
            .await
            .expect("append");
    }

    /// Everything readable from `from` on, in as many reads as it takes.
    pub(crate) async fn read_all(&self, from: u64) -> Vec<crate::Entry> {
        let mut entries = Vec::new();
        let mut at = from;
        loop {
            let chunk = self.log.read(self.id, at, ALL).await.expect("read");
            if chunk.entries.is_empty() {
                assert_eq!(at, chunk.tail.end, "an empty chunk is the tail's");
                return entries;
            }
            assert_eq!(
                chunk.entries[0].offset, at,
                "a chunk begins where it was asked to"
            );
            at += chunk.entries.len() as u64;
            entries.extend(chunk.entries);
        }
    }
}

/// Runs every promise on `log`, using log ids from `first_id` on. `disturb` is called between the cases' steps by
/// nobody: engines with background work simply do it meanwhile.
///
/// # Panics
/// When the engine breaks a promise; the message names the case.
pub async fn check(log: Arc<dyn Log>, first_id: u64) {
    for ((name, case), id) in CASES.iter().zip((first_id..).step_by(10)) {
        let id = LogId(id);
        let options = LogOptions {
            retention: Duration::from_secs(86_400),
        };
        log.create(id, options)
            .await
            .unwrap_or_else(|error| panic!("{name}: cannot create {id:?}: {error}"));
        tracing::debug!(case = name, "contract");
        let done = tokio::time::timeout(
            Duration::from_secs(60),
            case(Ground {
                log: Arc::clone(&log),
                id,
            }),
        );
        assert!(done.await.is_ok(), "{name} hangs");
    }
}

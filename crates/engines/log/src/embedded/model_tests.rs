//! The hand-off from callers to the committer and back, under a scheduler that tries its interleavings: the engine with
//! its own threads, on a simulated disk. `cargo xtask model` runs it.
//!
//! That a call is never answered needs no check: the scheduler finds that nobody can go on, and says so.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use millrace_base::{ByteSize, ManualClock, SeededRng, Timestamp};
use shuttle::future::block_on;
use shuttle::thread;

use super::sync::{AtomicBool, Mutex};
use super::*;
use crate::contract::ALL;
use crate::disk::sim::{Faults, SimDisk};

/// Interleavings of each kind: at random, and with few switches at random places (PCT).
const TRIES: usize = 300;
/// Switches of the second kind.
const SWITCHES: usize = 3;
/// Threads that append.
const CALLERS: u64 = 3;
/// Batches of each.
const BATCHES: u64 = 3;
/// The log that all write to; each has another of its own.
const SHARED: LogId = LogId(100);

fn try_all(test: impl Fn() + Send + Sync + Copy + 'static) {
    let tries = std::env::var("MODEL_TRIES").map_or(TRIES, |tries| tries.parse().unwrap());
    shuttle::check_random(test, tries);
    shuttle::check_pct(test, tries, SWITCHES);
}

fn options(disk: &SimDisk) -> Options {
    let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
    Options {
        first_segment_bytes: ByteSize(64 << 10),
        segment_bytes: ByteSize(64 << 10),
        // The background has work.
        seal_bytes: ByteSize(1),
        seal_age: Duration::ZERO,
        ..Options::on_disk(Arc::new(disk.clone()), clock, Arc::new(SeededRng::new(1)))
    }
}

fn open(disk: &SimDisk) -> Arc<EmbeddedLog> {
    let options = options(disk);
    let core = Arc::new(recovery::open(&options).unwrap());
    let threads = Threads::start(&core, options.seal_bytes, options.seal_pace_bytes).unwrap();
    Arc::new(EmbeddedLog {
        core,
        threads: Arc::new(threads),
        reads_inline: true,
    })
}

fn close(log: &EmbeddedLog) {
    log.threads.stop(&log.core);
    log.threads.join();
    log.core.sync();
    log.core.unlock();
}

/// A store with the logs of all callers.
fn world() -> (SimDisk, Arc<EmbeddedLog>) {
    // Files are not written through: what is not synced is lost.
    let disk = SimDisk::new(7, false);
    let log = open(&disk);
    for id in (0..CALLERS).map(LogId).chain([SHARED]) {
        block_on(log.create(
            id,
            LogOptions {
                retention: Duration::from_secs(86_400),
            },
        ))
        .unwrap();
    }
    (disk, log)
}

/// A record that was acknowledged.
#[derive(Clone, Debug)]
struct Acknowledged {
    id: LogId,
    offset: Offset,
    bytes: Bytes,
}

/// What a caller saw: records, and the disk as a power failure behind the last one would leave it.
type Seen = (Vec<Acknowledged>, SimDisk);

/// Appends as one caller does, to its own log and to that of all, until a call is refused.
fn caller(number: u64, log: &EmbeddedLog, disk: &SimDisk) -> Seen {
    let mut seen = Vec::new();
    for batch in 0..BATCHES {
        let bytes = Bytes::from(format!("{number} {batch}"));
        let one = |id| (id, Batch::of(&[&bytes]));
        let ids = [LogId(number), SHARED];
        let results = if batch % 2 == 0 {
            block_on(log.append_all(ids.map(one).to_vec()))
        } else {
            let calls = ids.map(|id| log.append(id, one(id).1));
            calls.into_iter().map(block_on).collect()
        };
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(appended) => {
                    assert!(log.tail(id).unwrap().end > appended.first, "read your append");
                    seen.push(Acknowledged {
                        id,
                        offset: appended.first,
                        bytes: bytes.clone(),
                    });
                }
                Err(LogError::Closed(_)) => return (seen, disk.after_power_failure()),
                Err(other) => panic!("{other}"),
            }
        }
    }
    (seen, disk.after_power_failure())
}

fn callers(log: &Arc<EmbeddedLog>, disk: &SimDisk) -> Vec<thread::JoinHandle<Seen>> {
    let start = |number| {
        let (log, disk) = (Arc::clone(log), disk.clone());
        thread::spawn(move || caller(number, &log, &disk))
    };
    (0..CALLERS).map(start).collect()
}

/// Every record is where it was acknowledged to be, once, and each caller's own are in its order.
fn hold(seen: &[Acknowledged], disk: &SimDisk) {
    let (log, steps) = EmbeddedLog::open_in_steps(&options(disk)).unwrap();
    for record in seen {
        let chunk = block_on(log.read(record.id, record.offset, ALL)).unwrap();
        assert_eq!(chunk.entries[0].bytes, record.bytes, "{record:?}");
    }
    for id in (0..CALLERS).map(LogId).chain([SHARED]) {
        let offsets: Vec<Offset> = seen.iter().filter(|r| r.id == id).map(|r| r.offset).collect();
        let mut distinct = offsets.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(
            distinct.len(),
            offsets.len(),
            "two records at one offset of {id:?}"
        );
        assert!(id == SHARED || offsets.is_sorted());
    }
    steps.close();
}

#[test]
fn what_is_acknowledged_is_durable_and_every_call_is_answered() {
    try_all(|| {
        let (disk, log) = world();
        let mut all = Vec::new();
        for caller in callers(&log, &disk) {
            let (seen, image) = caller.join().unwrap();
            assert_eq!(seen.len() as u64, 2 * BATCHES);
            hold(&seen, &image);
            all.extend(seen);
        }
        close(&log);
        hold(&all, &disk);
    });
}

#[test]
fn closing_answers_everybody_and_keeps_what_was_acknowledged() {
    try_all(|| {
        let (disk, log) = world();
        let running = callers(&log, &disk);
        let bytes = Bytes::from_static(b"queued before");
        let queued = log.append(SHARED, Batch::of(&[&bytes]));
        close(&log);
        // What waits is still served.
        let offset = block_on(queued).unwrap().first;
        let mut all = vec![Acknowledged {
            id: SHARED,
            offset,
            bytes,
        }];
        all.extend(running.into_iter().flat_map(|caller| caller.join().unwrap().0));
        hold(&all, &disk);
        hold(&all, &disk.after_power_failure());
        // A refused call left nothing.
        let (log, steps) = EmbeddedLog::open_in_steps(&options(&disk)).unwrap();
        let end = log.tail(SHARED).unwrap().end;
        assert_eq!(
            end,
            all.iter().filter(|record| record.id == SHARED).count() as u64
        );
        steps.close();
    });
}

#[test]
fn behind_a_failed_sync_nobody_is_acknowledged() {
    try_all(|| {
        let (disk, log) = world();
        let failing = Arc::new(AtomicBool::new(false));
        let late = Arc::new(Mutex::new(Vec::new()));
        let running = callers(&log, &disk);
        let asker = {
            let (log, failing, late) = (Arc::clone(&log), Arc::clone(&failing), Arc::clone(&late));
            thread::spawn(move || {
                while !failing.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                for _ in 0..2 {
                    let result = block_on(log.append(SHARED, Batch::of(&["late"])));
                    late.lock().unwrap().push(result);
                }
            })
        };
        disk.set_faults(Faults {
            sync_errors: 1_000_000,
            ..Faults::default()
        });
        failing.store(true, Ordering::SeqCst);
        for caller in running {
            let (seen, image) = caller.join().unwrap();
            hold(&seen, &image);
        }
        asker.join().unwrap();
        // They asked when every sync failed already.
        let late = std::mem::take(&mut *late.lock().unwrap());
        assert!(late.iter().all(Result::is_err), "{late:?}");
        close(&log);
    });
}

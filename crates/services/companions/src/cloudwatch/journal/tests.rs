//! Bytes that never change, bytes that are anything, and checkpoints that are damaged.

use std::time::Duration;

use millrace_base::{ManualClock, Timestamp};
use millrace_log::MemoryLog;
use proptest::prelude::*;

use super::bytes::{PartWriter, decode, encode, read_part};
use super::checkpoint::Checkpoints;
use super::*;
use crate::cloudwatch::state::{Bounds, Measured, MetricId, Sample, StatisticSet, Tenant, Unit};

const NOW: u64 = 1_700_000_040;

fn tenant() -> Tenant {
    Tenant {
        account: "1".to_owned(),
        region: "r".to_owned(),
    }
}

fn sample(name: &str, measured: Measured) -> Sample {
    Sample {
        id: MetricId::new(
            "n".to_owned(),
            name.to_owned(),
            vec![("d".to_owned(), "é".to_owned())],
        ),
        unit: Unit::NONE,
        second: 300,
        fine: true,
        measured,
    }
}

fn set() -> StatisticSet {
    StatisticSet {
        count: 2.0,
        sum: 3.0,
        min: 1.0,
        max: 2.0,
    }
}

fn update(samples: Vec<Sample>) -> Update {
    Update {
        tenant: tenant(),
        samples,
    }
}

#[test]
fn the_bytes_of_version_1_never_change() {
    let mut values = sample("m", Measured::Values(vec![(1.0, 2.0)]));
    values.fine = false;
    let update = update(vec![sample("m", Measured::Set(set())), values]);
    let metric = "016e 016d 01 0164 02c3a9 1a";
    let (one, two, three) = ("000000000000f03f", "0000000000000040", "0000000000000840");
    let expected =
        format!("01 0131 0172 02 {metric} 02 ac02 {two}{three}{one}{two} {metric} 01 ac02 01 {one}{two}");
    let hex: String = encode(&update).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, expected.replace(' ', ""));
    assert_eq!(decode(&encode(&update)), Ok(update));
}

#[test]
fn a_newer_version_says_so() {
    let mut bytes = encode(&update(vec![sample("m", Measured::Set(set()))]));
    bytes[0] = 2;
    assert!(decode(&bytes).unwrap_err().contains("version 2"));
    assert!(read_part(&[9], |_, _, _| true).unwrap_err().contains("version 9"));
}

fn filled(metrics: usize) -> Store {
    let mut store = Store::default();
    for at in 0..metrics {
        let measured = match at % 3 {
            0 => Measured::Set(set()),
            1 => Measured::Values(vec![(7.5, 3.0)]),
            _ => Measured::Values((0..60u32).map(|value| (f64::from(value), 1.0)).collect()),
        };
        let mut sample = sample(&format!("m{at}"), measured);
        sample.second = NOW - 60;
        let earlier = Sample {
            second: NOW - 7200,
            ..sample.clone()
        };
        store.apply(NOW, &update(vec![sample, earlier])).unwrap();
    }
    store
}

#[test]
fn a_part_holds_everything() {
    let store = filled(7);
    let mut writer = PartWriter::new();
    for (tenant, metrics) in store.tenants() {
        for (id, metric) in metrics {
            writer.add(tenant, id, metric);
        }
    }
    let mut back = Store::default();
    back.begin_at(store.now());
    read_part(&writer.finish(), |tenant, id, metric| {
        back.restore(tenant, id, metric)
    })
    .unwrap();
    assert_eq!(back, store);
}

#[tokio::test]
async fn a_checkpoint_comes_back_unless_it_is_damaged() {
    let blobs = Blobs::memory();
    let checkpoints = Checkpoints::new(blobs.clone());
    assert!(checkpoints.newest(0, 1000).await.unwrap().is_none());
    assert_eq!(checkpoints.write(100, &filled(3)).await.unwrap(), None);
    assert_eq!(checkpoints.write(200, &filled(4)).await.unwrap(), Some(100));
    let position = |found: Option<checkpoint::Restored>| found.map(|r| (r.position, r.store.size().0));
    let newest = checkpoints.newest(0, 1000).await.unwrap();
    assert_eq!(newest.as_ref().unwrap().store, filled(4));
    assert_eq!(position(newest), Some((200, 4)));
    assert_eq!(
        position(checkpoints.newest(0, 150).await.unwrap()),
        Some((100, 3)),
        "no later than the log"
    );
    assert_eq!(
        position(checkpoints.newest(150, 199).await.unwrap()),
        None,
        "nothing reaches the log"
    );
    let part = "cloudwatch/0200000000000000/00000000000000000200/00000";
    let mut bytes = blobs.get(part).await.unwrap().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    blobs.put(part, bytes.into()).await.unwrap();
    assert_eq!(
        position(checkpoints.newest(0, 1000).await.unwrap()),
        Some((100, 3))
    );
    let head = "cloudwatch/0200000000000000/00000000000000000100.checkpoint";
    blobs
        .put(head, b"millrace-metrics 1 now=".as_slice().into())
        .await
        .unwrap();
    assert_eq!(position(checkpoints.newest(0, 1000).await.unwrap()), None);
    // The third removes the first, the fourth the second, whatever their state.
    assert_eq!(checkpoints.write(300, &filled(1)).await.unwrap(), Some(200));
    assert_eq!(checkpoints.write(400, &filled(1)).await.unwrap(), Some(300));
    let left = blobs.list("cloudwatch").await.unwrap();
    assert_eq!(left.len(), 4, "{left:?}");
}

/// A journal over a log that it shares with its predecessors.
struct World {
    clock: ManualClock,
    log: Arc<dyn Log>,
    blobs: Blobs,
    tasks: Tasks,
    journal: Arc<Journal>,
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new(Timestamp(NOW * 1000));
        let log = Arc::new(MemoryLog::new(Arc::new(clock.clone())));
        Self::over(clock, log, Blobs::memory()).await
    }

    async fn over(clock: ManualClock, log: Arc<dyn Log>, blobs: Blobs) -> Self {
        let tasks = Tasks::new();
        let parts = Parts {
            log: Arc::clone(&log),
            blobs: blobs.clone(),
            clock: Arc::new(clock.clone()),
            tasks: tasks.clone(),
            metrics: Arc::default(),
            checkpoint_bytes: 20_000,
        };
        let journal = Journal::open(parts).await.unwrap();
        Self {
            clock,
            log,
            blobs,
            tasks,
            journal,
        }
    }

    async fn second(&self) -> Self {
        Self::over(self.clock.clone(), Arc::clone(&self.log), self.blobs.clone()).await
    }

    async fn stop(&self) {
        self.journal.end();
        assert!(self.tasks.drain(Duration::from_secs(5)).await);
    }

    async fn put(&self, name: &str) {
        let mut sample = sample(name, Measured::Values(vec![(1.0, 1.0)]));
        sample.second = NOW;
        self.journal.put(&update(vec![sample])).await.unwrap();
    }

    fn store(&self) -> Store {
        self.journal.state().store.clone()
    }

    /// Waits until so many checkpoints were written and the log is trimmed behind them.
    async fn checkpoints(&self, wanted: u64) {
        let written = async {
            while self.journal.parts.metrics.checkpoints.get() < wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), written)
            .await
            .expect("no checkpoint");
    }
}

#[tokio::test]
async fn a_restart_finds_everything_with_and_without_checkpoints() {
    let world = World::new().await;
    for _ in 0..50 {
        world.put("m").await;
    }
    let store = world.store();
    world.stop().await;
    let again = world.second().await;
    assert_eq!(again.store(), store);
    for round in 0..2000 {
        again.put(&format!("m{}", round % 9)).await;
    }
    again.checkpoints(3).await;
    let store = again.store();
    again.stop().await;
    let start = again.log.tail(LOG).unwrap().start;
    assert!(start > 0, "the log was trimmed");
    let last = again.second().await;
    assert_eq!(last.store(), store);
    assert_eq!(last.store().size().0, 10);
}

#[tokio::test]
async fn two_nodes_come_to_the_same() {
    let one = World::new().await;
    let two = one.second().await;
    let mut applied = two.journal.applied.subscribe();
    for round in 0..200 {
        one.put(&format!("m{}", round % 5)).await;
        two.put(&format!("m{}", round % 7)).await;
    }
    let end = one.log.tail(LOG).unwrap().end;
    applied.wait_for(|next| *next == end).await.unwrap();
    one.journal
        .applied
        .subscribe()
        .wait_for(|next| *next == end)
        .await
        .unwrap();
    assert_eq!(one.store(), two.store());
}

#[tokio::test]
async fn a_node_that_fell_behind_goes_on_from_a_checkpoint() {
    let one = World::new().await;
    let late = one.second().await;
    late.stop().await;
    for round in 0..2000 {
        one.put(&format!("m{}", round % 9)).await;
    }
    one.checkpoints(3).await;
    assert!(late.journal.state().next < one.log.tail(LOG).unwrap().start);
    // Its tasks are told to stop, so it takes one step at a time.
    while late.journal.state().next < one.log.tail(LOG).unwrap().end {
        follow::Follower::resume(Arc::clone(&late.journal)).await.unwrap();
    }
    assert_eq!(late.store(), one.store());
}

#[tokio::test]
async fn a_record_of_another_program_is_passed_over() {
    let world = World::new().await;
    let strange = millrace_log::Batch::of(&[b"\x09strange".as_slice()]);
    world.log.append(LOG, strange).await.unwrap();
    world.put("m").await;
    assert_eq!(world.store().size().0, 1);
    assert_eq!(world.journal.parts.metrics.unreadable.get(), 1);
}

#[tokio::test]
async fn old_records_are_trimmed_by_age() {
    let world = World::new().await;
    world.put("m").await;
    world.clock.advance(Duration::from_secs(28 * 3600));
    let trimmed = async {
        while world.log.tail(LOG).unwrap().start == 0 {
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_secs(60));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), trimmed)
        .await
        .expect("nothing was trimmed");
    let again = world.second().await;
    assert_eq!(again.store().size(), (0, 0));
}

/// Only records move the store's time on, so a refusal must not keep the next record from the log for ever.
#[tokio::test]
async fn a_full_store_has_room_again_when_its_data_are_too_old() {
    let world = World::new().await;
    world.journal.state().store = Store::bounded(Bounds {
        account_metrics: 1,
        ..Bounds::default()
    });
    world.put("a").await;
    let new = |second| {
        let mut sample = sample("b", Measured::Values(vec![(1.0, 1.0)]));
        sample.second = second;
        update(vec![sample])
    };
    let records = || world.log.tail(LOG).unwrap().end;
    let error = world.journal.put(&new(NOW)).await.unwrap_err();
    assert!(
        matches!(error, CloudwatchError::Full(Full::AccountMetrics)),
        "{error}"
    );
    assert_eq!(records(), 1, "what is sure to be refused is not written");
    world.clock.advance(Duration::from_secs(60));
    let error = world.journal.put(&new(NOW + 60)).await.unwrap_err();
    assert!(
        matches!(error, CloudwatchError::Full(Full::AccountMetrics)),
        "{error}"
    );
    assert_eq!(records(), 2);
    world.clock.advance(Duration::from_secs(25 * 3600));
    world.journal.put(&new(NOW + 25 * 3600)).await.unwrap();
    assert_eq!(world.store().size().0, 1);
}

#[tokio::test]
async fn a_put_that_is_too_large_is_refused() {
    let world = World::new().await;
    let many = (0..1000).map(|at| {
        let mut sample = sample("m", Measured::Values(vec![(1.0, 1.0)]));
        let long = |n: usize| (format!("{n}-{at}"), "x".repeat(1024));
        sample.id.dimensions = (0..10).map(long).collect();
        sample
    });
    let error = world.journal.put(&update(many.collect())).await.unwrap_err();
    assert!(matches!(error, CloudwatchError::TooLarge(_)), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let _ = decode(&bytes);
        let framed = [&[1], bytes.as_slice()].concat();
        let _ = decode(&framed);
        let _ = read_part(&framed, |_, _, _| true);
    }

    #[test]
    fn changed_bytes_are_read_without_a_panic(at: prop::sample::Index, byte: u8, cut: bool) {
        let mut bytes = encode(&update(vec![sample("m", Measured::Values(vec![(1.0, 2.0); 9]))]));
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if cut { prop_assert!(decode(&bytes).is_err()) } else { let _ = decode(&bytes); }
    }
}

//! The engine with its threads, on a real directory.

use super::*;
use crate::contract::{self, ALL};
use crate::disk::sim::{Crash, Faults, SimDisk};
use millrace_base::{ByteSize, Clock, SystemClock, SystemRng};
use std::path::Path;
use std::time::Duration;

fn options(dir: &Path) -> Options {
    Options::in_dir(dir, Arc::new(SystemClock::new()), Arc::new(SystemRng)).unwrap()
}

const DAY: LogOptions = LogOptions {
    retention: Duration::from_secs(86_400),
};

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(options(dir.path())).await.unwrap());
    contract::check(log.clone(), 1).await;
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_while_everything_is_sealed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        seal_bytes: ByteSize(1),
        seal_age: Duration::ZERO,
        seal_pace_bytes: ByteSize::mib(1 << 20),
        durability: Durability::Os,
        ..options(dir.path())
    };
    let log = Arc::new(EmbeddedLog::open(options).await.unwrap());
    contract::check(log.clone(), 1).await;
    assert!(log.metrics().seals > 0, "{:?}", log.metrics());
    log.close().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let id = LogId(7);
    for round in 0..4u64 {
        let log = EmbeddedLog::open(options(dir.path())).await.unwrap();
        if round == 0 {
            log.create(id, DAY).await.unwrap();
        }
        assert_eq!(log.tail(id).unwrap().end, round * 2);
        let appended = log
            .append(id, Batch::of(&[format!("a{round}"), format!("b{round}")]))
            .await
            .unwrap();
        assert_eq!(appended.first, round * 2);
        let chunk = log.read(id, 0, ALL).await.unwrap();
        let texts: Vec<_> = chunk
            .entries
            .iter()
            .map(|e| String::from_utf8_lossy(&e.bytes).into_owned())
            .collect();
        let expected: Vec<_> = (0..=round)
            .flat_map(|r| [format!("a{r}"), format!("b{r}")])
            .collect();
        assert_eq!(texts, expected);
        log.close().await;
        assert!(matches!(
            log.append(id, Batch::of(&["late"])).await,
            Err(LogError::Closed(_))
        ));
    }
}

#[tokio::test]
async fn a_second_engine_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = EmbeddedLog::open(options(dir.path())).await.unwrap();
    let second = EmbeddedLog::open(options(dir.path())).await;
    assert!(matches!(second, Err(OpenError::Locked(_))), "{second:?}");
    first.close().await;
    EmbeddedLog::open(options(dir.path()))
        .await
        .unwrap()
        .close()
        .await;
}

/// An engine on a simulated disk, sealing as soon as it can.
fn simulated(disk: &SimDisk) -> Options {
    let options = Options::on_disk(
        Arc::new(disk.clone()),
        Arc::new(SystemClock::new()),
        Arc::new(SystemRng),
    );
    Options {
        first_segment_bytes: ByteSize(256 << 10),
        segment_bytes: ByteSize::mib(1),
        seal_bytes: ByteSize(64 << 10),
        seal_pace_bytes: ByteSize::mib(1 << 20),
        ..options
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_on_a_simulated_disk() {
    for through in [false, true] {
        let log = EmbeddedLog::open(simulated(&SimDisk::new(3, through)))
            .await
            .unwrap();
        let log = Arc::new(log);
        contract::check(log.clone(), 1).await;
        wait_until(&log, |m| m.seals > 0).await;
        assert_eq!(log.metrics().background_failures, 0);
        log.close().await;
    }
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_acknowledged_any_more() {
    let disk = SimDisk::new(3, true);
    let (told, mut reasons) = tokio::sync::mpsc::unbounded_channel();
    let mut options = simulated(&disk);
    options.on_fatal = Some(Arc::new(move |reason: &str| drop(told.send(reason.to_owned()))));
    let log = EmbeddedLog::open(options).await.unwrap();
    let id = LogId(1);
    log.create(id, DAY).await.unwrap();
    log.append(id, Batch::of(&["kept"])).await.unwrap();
    disk.fail_after(Some(1), std::io::ErrorKind::Other);
    for _ in 0..3 {
        assert!(matches!(
            log.append(id, Batch::of(&["lost"])).await,
            Err(LogError::Closed(_))
        ));
    }
    assert!(reasons.recv().await.unwrap().contains("write-ahead log failed"));
    assert!(reasons.try_recv().is_err(), "told once");
    assert_eq!(log.metrics().failed, 1);
    let chunk = log.read(id, 0, ALL).await.unwrap();
    assert_eq!(
        chunk.entries.iter().map(|e| &e.bytes[..]).collect::<Vec<_>>(),
        [b"kept"]
    );
    log.close().await;
}

/// Linux marks the pages of a failed sync clean: the next sync of that file succeeds without having written them.
#[tokio::test]
async fn after_a_failed_sync_the_file_is_never_trusted_again() {
    let disk = SimDisk::new(3, false);
    let log = EmbeddedLog::open(simulated(&disk)).await.unwrap();
    let id = LogId(1);
    log.create(id, DAY).await.unwrap();
    log.append(id, Batch::of(&["kept"])).await.unwrap();
    disk.set_faults(Faults {
        sync_errors: 1_000_000,
        ..Faults::default()
    });
    let append = |text: &'static str| log.append(id, Batch::of(&[text]));
    assert!(matches!(append("lost").await, Err(LogError::Closed(_))));
    // The disk is well again, and that must not matter.
    disk.set_faults(Faults::default());
    let before = disk.tally();
    for _ in 0..3 {
        assert!(matches!(append("refused").await, Err(LogError::Closed(_))));
    }
    let after = disk.tally();
    assert_eq!((after.writes, after.syncs), (before.writes, before.syncs));
    assert_eq!((after.sync_errors, after.synced_after_failure), (1, 0));
    drop(log);
    disk.reboot(Crash::Power);
    let log = EmbeddedLog::open(simulated(&disk)).await.unwrap();
    let chunk = log.read(id, 0, ALL).await.unwrap();
    assert_eq!(&chunk.entries[0].bytes[..], b"kept");
    assert!(chunk.entries.iter().all(|entry| &entry.bytes[..] != b"refused"));
    log.close().await;
}

/// Found by the simulation: the refused batch had reached the disk but for its padding, the next one took its number in
/// another segment, and recovery took the refused one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_disk_refused_is_never_found_again() {
    for seed in 0..8 {
        let disk = SimDisk::new(seed, seed % 2 == 0);
        let log = EmbeddedLog::open(simulated(&disk)).await.unwrap();
        let id = LogId(1);
        log.create(id, DAY).await.unwrap();
        disk.fail_writes_full_once();
        let refused = log.append(id, Batch::of(&["refused"])).await;
        assert!(matches!(refused, Err(LogError::Overloaded(_))), "{refused:?}");
        let large = vec![7u8; 62_000];
        log.append(id, Batch::of(&[&large])).await.unwrap();
        drop(log);
        disk.reboot(Crash::Kill);
        let log = EmbeddedLog::open(simulated(&disk)).await.unwrap();
        let chunk = log.read(id, 0, ALL).await.unwrap();
        assert_eq!(chunk.entries.len(), 1);
        assert_eq!(chunk.entries[0].bytes, large);
        log.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_appends_until_there_is_room() {
    let disk = SimDisk::new(3, true);
    let log = EmbeddedLog::open(simulated(&disk)).await.unwrap();
    let id = LogId(1);
    log.create(id, DAY).await.unwrap();
    disk.set_capacity(disk.used() + (300 << 10));
    let record = vec![7u8; 20_000];
    let mut end = 0;
    let error = loop {
        match log.append(id, Batch::of(&[&record])).await {
            Ok(_) => end += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::Overloaded(_)), "{error}");
    assert_eq!(log.tail(id).unwrap().end, end);
    let chunk = log.read(id, end - 1, ALL).await.unwrap();
    assert_eq!(chunk.entries[0].bytes, record);
    // What gives space back still works.
    log.trim(id, end).await.unwrap();
    disk.set_capacity(u64::MAX);
    assert_eq!(log.append(id, Batch::of(&[&record])).await.unwrap().first, end);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_and_trimmed_records_give_their_space_back() {
    let disk = SimDisk::new(3, true);
    let log = EmbeddedLog::open(simulated(&disk)).await.unwrap();
    for id in [LogId(1), LogId(2)] {
        log.create(id, DAY).await.unwrap();
    }
    for number in 0..400u32 {
        let size = if number % 2 == 0 { 5_000 } else { 1_000 };
        let record = vec![u8::try_from(number % 251).unwrap(); size];
        log.append(LogId(u64::from(number % 2) + 1), Batch::of(&[&record]))
            .await
            .unwrap();
    }
    wait_until(&log, |m| m.sealed_file_bytes > 900_000).await;
    log.delete(LogId(1)).await.unwrap();
    wait_until(&log, |m| m.sealed_file_bytes < 400_000).await;
    for offset in 0..200 {
        let chunk = log.read(LogId(2), offset, ALL).await.unwrap();
        assert_eq!(
            chunk.entries[0].bytes[0],
            u8::try_from((offset * 2 + 1) % 251).unwrap()
        );
    }
    log.trim(LogId(2), 200).await.unwrap();
    wait_until(&log, |m| m.sealed_files == 0).await;
    log.close().await;
}

async fn wait_until(log: &EmbeddedLog, reached: impl Fn(&Metrics) -> bool) {
    for _ in 0..2_000 {
        if reached(&log.metrics()) {
            return;
        }
        SystemClock::new().sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {:?}", log.metrics());
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_writers_do_not_disturb_each_other() {
    let disk = SimDisk::new(3, true);
    let log = Arc::new(EmbeddedLog::open(simulated(&disk)).await.unwrap());
    let tasks = millrace_base::Tasks::new();
    for id in (1..=4).map(LogId) {
        log.create(id, DAY).await.unwrap();
        let (writer, reader) = (Arc::clone(&log), Arc::clone(&log));
        tasks.spawn(async move {
            for number in 0..300u64 {
                let record = [number.to_le_bytes().to_vec(), vec![1; 2_000]].concat();
                assert_eq!(
                    writer.append(id, Batch::of(&[record])).await.unwrap().first,
                    number
                );
            }
            writer.seal(id).await.unwrap();
        });
        tasks.spawn(async move {
            let mut watch = reader.watch(id).unwrap();
            let mut at = 0;
            loop {
                let chunk = reader
                    .read(
                        id,
                        at,
                        ReadLimits {
                            bytes: 10_000,
                            records: 10,
                        },
                    )
                    .await
                    .unwrap();
                for entry in &chunk.entries {
                    assert_eq!(entry.bytes[..8], at.to_le_bytes());
                    at += 1;
                }
                if chunk.entries.is_empty() {
                    if chunk.tail.sealed {
                        return assert_eq!(at, 300);
                    }
                    watch.changed().await.unwrap();
                }
            }
        });
    }
    assert!(tasks.drain(Duration::from_secs(60)).await);
    for id in (1..=4).map(LogId) {
        assert_eq!(log.tail(id).unwrap().end, 300);
    }
    log.close().await;
}

#[tokio::test]
async fn ten_thousand_logs_share_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(options(dir.path())).await.unwrap();
    let created: Vec<_> = (0..10_000).map(|id| log.create(LogId(id), DAY)).collect();
    for call in created {
        call.await.unwrap();
    }
    let appended: Vec<_> = (0..10_000)
        .map(|id| log.append(LogId(id), Batch::of(&[id.to_string()])))
        .collect();
    for call in appended {
        call.await.unwrap();
    }
    assert!(log.metrics().commits < 1_000, "{:?}", log.metrics());
    assert!(std::fs::read_dir(dir.path()).unwrap().count() < 10);
    log.close().await;
    let log = EmbeddedLog::open(options(dir.path())).await.unwrap();
    for id in [0, 5_000, 9_999] {
        assert_eq!(
            log.read(LogId(id), 0, ALL).await.unwrap().entries[0].bytes,
            id.to_string()
        );
    }
    log.close().await;
}

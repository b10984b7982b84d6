//! What appends promise.

use std::sync::Arc;
use std::time::Duration;

use super::Ground;
use crate::limits::BATCH_BYTES_MAX;
use crate::{Batch, Entry, LogError, LogId, LogOptions};

pub(super) async fn offsets_are_dense_from_zero(g: Ground) {
    g.append(0..3).await;
    let appended = g
        .log
        .append(g.id, Batch::of(&[Ground::record(3), Ground::record(4)]))
        .await
        .unwrap();
    assert_eq!(appended.first, 3);
    let entries = g.read_all(0).await;
    assert_eq!(entries.len(), 5);
    for (number, entry) in entries.iter().enumerate() {
        assert_eq!(
            (entry.offset, &entry.bytes[..]),
            (number as u64, &Ground::record(number)[..])
        );
    }
    assert_eq!(entries[4].time, appended.time);
    let stats = g.log.stats(g.id).unwrap();
    let bytes: usize = entries.iter().map(|entry| entry.bytes.len()).sum();
    assert_eq!((stats.records, stats.bytes), (5, bytes as u64));
}

pub(super) async fn order_is_that_of_the_calls(g: Ground) {
    let calls: Vec<_> = (0..200)
        .map(|n| g.log.append(g.id, Batch::of(&[Ground::record(n)])))
        .collect();
    // Awaited backwards: awaiting only waits.
    for (number, call) in calls.into_iter().enumerate().rev() {
        assert_eq!(call.await.unwrap().first, number as u64);
    }
    for (number, entry) in g.read_all(0).await.iter().enumerate() {
        assert_eq!(&entry.bytes[..], Ground::record(number));
    }
}

pub(super) async fn a_dropped_future_does_not_cancel(g: Ground) {
    drop(g.log.append(g.id, Batch::of(&["dropped"])));
    let second = g.log.append(g.id, Batch::of(&["second"])).await.unwrap();
    let entries = g.read_all(0).await;
    // It may be there or not, but never behind what was called later.
    assert_eq!(entries.len() as u64, second.first + 1);
    assert_eq!(&entries[entries.len() - 1].bytes[..], b"second");
}

pub(super) async fn a_bad_batch_is_refused(g: Ground) {
    let broken = [
        Batch::default(),
        Batch {
            bytes: "abc".into(),
            ends: smallvec::smallvec![2],
            in_place: None,
        },
        Batch {
            bytes: "abc".into(),
            ends: smallvec::smallvec![2, 1, 3],
            in_place: None,
        },
        Batch {
            bytes: "abc".into(),
            ends: smallvec::smallvec![4],
            in_place: None,
        },
    ];
    for batch in broken {
        assert!(matches!(
            g.log.append(g.id, batch).await,
            Err(LogError::BadBatch(_))
        ));
    }
    assert_eq!(g.log.tail(g.id).unwrap().end, 0);
}

pub(super) async fn many_at_once_are_as_many_calls(g: Ground) {
    let other = LogId(g.id.0 + 1);
    let (sealed, missing) = (LogId(g.id.0 + 2), LogId(g.id.0 + 3));
    let options = LogOptions {
        retention: Duration::from_secs(60),
    };
    for id in [other, sealed] {
        g.log.create(id, options).await.expect("create");
    }
    g.log.seal(sealed).await.expect("seal");
    let large = "large".repeat(40_000);
    let before = g.log.append(g.id, Batch::of(&["before"]));
    let all = g.log.append_all(vec![
        (g.id, Batch::of(&["one", "two"])),
        (sealed, Batch::of(&["no"])),
        (other, Batch::of(&[&large, "b"])),
        (missing, Batch::of(&["no"])),
        (g.id, Batch::default()),
        (g.id, Batch::of(&["three", &large])),
    ]);
    let after = g.log.append(g.id, Batch::of(&["after"]));
    let firsts: Vec<_> = all
        .await
        .into_iter()
        .map(|result| result.map(|a| a.first))
        .collect();
    assert_eq!(
        (firsts[0].clone(), firsts[2].clone(), firsts[5].clone()),
        (Ok(1), Ok(0), Ok(3))
    );
    assert_eq!(firsts[1], Err(LogError::Sealed(sealed)));
    assert_eq!(firsts[3], Err(LogError::NotFound(missing)));
    assert!(matches!(firsts[4], Err(LogError::BadBatch(_))));
    assert_eq!(
        (
            before.await.expect("append").first,
            after.await.expect("append").first
        ),
        (0, 5)
    );
    let texts = |entries: Vec<Entry>| -> Vec<_> { entries.into_iter().map(|entry| entry.bytes).collect() };
    let expected = ["before", "one", "two", "three", &large, "after"];
    assert_eq!(texts(g.read_all(0).await), expected);
    let other = Ground { id: other, ..g };
    assert_eq!(texts(other.read_all(0).await), [&large, "b"]);
}

pub(super) async fn too_many_for_one_write_are_as_many_calls(g: Ground) {
    let half = vec![7u8; BATCH_BYTES_MAX / 2];
    let batches = (0..3).map(|_| (g.id, Batch::of(&[&half])));
    let appended = g.log.append_all(batches.collect()).await;
    let firsts: Vec<_> = appended
        .into_iter()
        .map(|result| result.map(|a| a.first))
        .collect();
    assert_eq!(firsts, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(g.read_all(0).await.len(), 3);
}

pub(super) async fn times_never_go_back(g: Ground) {
    for number in 0..50 {
        g.append(number..number + 1).await;
    }
    let entries = g.read_all(0).await;
    assert!(entries.is_sorted_by_key(|entry| entry.time));
    assert_eq!(g.log.tail(g.id).unwrap().last_time, entries[49].time);
}

pub(super) async fn many_writers_lose_nothing(g: Ground) {
    let mut calls = Vec::new();
    for writer in 0..8usize {
        for number in 0..50 {
            let records = [format!("{writer}/{number}/a"), format!("{writer}/{number}/b")];
            calls.push((records.clone(), g.log.append(g.id, Batch::of(&records))));
        }
    }
    let mut expected = vec![String::new(); 800];
    for (records, call) in calls {
        let first = usize::try_from(call.await.unwrap().first).unwrap();
        for (at, record) in records.into_iter().enumerate() {
            assert!(
                std::mem::replace(&mut expected[first + at], record).is_empty(),
                "an offset twice"
            );
        }
    }
    let entries = g.read_all(0).await;
    assert!(
        entries
            .iter()
            .zip(&expected)
            .all(|(entry, expected)| entry.bytes == expected.as_bytes())
    );
    assert_eq!(entries.len(), 800);
}

pub(super) async fn large_and_empty_records_come_back(g: Ground) {
    let large: Arc<[u8]> = (0..10u32 << 20)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
        .collect();
    let records: [&[u8]; 4] = [b"", &large, b"", b"small"];
    g.log.append(g.id, Batch::of(&records)).await.unwrap();
    g.log.append(g.id, Batch::of(&[b""])).await.unwrap();
    let entries = g.read_all(0).await;
    assert_eq!(entries.len(), 5);
    assert!(
        entries
            .iter()
            .zip(records)
            .all(|(entry, record)| entry.bytes == record)
    );
}

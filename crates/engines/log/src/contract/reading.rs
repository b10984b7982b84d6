//! What reads promise.

use millrace_base::Timestamp;

use super::{ALL, Ground};
use crate::{Batch, LogError, LogId, LogOptions, ReadLimits};

pub(super) async fn limits_hold_but_for_the_first_record(g: Ground) {
    g.log
        .append(g.id, Batch::of(&[vec![1u8; 100], vec![2; 100], vec![3; 100]]))
        .await
        .unwrap();
    g.log.append(g.id, Batch::of(&[vec![4u8; 100]])).await.unwrap();
    for (bytes, records, expected) in [(1, 10, 1), (200, 10, 2), (399, 10, 3), (400, 10, 4), (9999, 2, 2)] {
        let chunk = g.log.read(g.id, 0, ReadLimits { bytes, records }).await.unwrap();
        assert_eq!(chunk.entries.len(), expected, "{bytes} bytes, {records} records");
    }
    let chunk = g
        .log
        .read(
            g.id,
            2,
            ReadLimits {
                bytes: 100,
                records: 5,
            },
        )
        .await
        .unwrap();
    assert_eq!(
        chunk.entries.iter().map(|entry| entry.offset).collect::<Vec<_>>(),
        [2]
    );
}

pub(super) async fn the_tail_reads_empty_and_behind_it_fails(g: Ground) {
    assert_eq!(g.log.read(g.id, 0, ALL).await.unwrap().entries, []);
    g.append(0..2).await;
    let chunk = g.log.read(g.id, 2, ALL).await.unwrap();
    assert_eq!((chunk.entries.len(), chunk.tail), (0, g.log.tail(g.id).unwrap()));
    assert_eq!(
        g.log.read(g.id, 3, ALL).await,
        Err(LogError::BeyondTail { offset: 3, end: 2 })
    );
}

pub(super) async fn an_acknowledged_record_is_readable_at_once(g: Ground) {
    for number in 0..20 {
        let appended = g
            .log
            .append(g.id, Batch::of(&[Ground::record(number)]))
            .await
            .unwrap();
        assert!(g.log.tail(g.id).unwrap().end > appended.first);
        let chunk = g.log.read(g.id, appended.first, ALL).await.unwrap();
        assert_eq!(&chunk.entries[0].bytes[..], Ground::record(number));
        assert_eq!(chunk.entries[0].time, appended.time);
    }
}

pub(super) async fn times_find_offsets(g: Ground) {
    assert_eq!(g.log.offset_at(g.id, Timestamp(0)).await, Ok(0));
    for number in 0..20 {
        g.append(number * 3..number * 3 + 3).await;
        std::thread::yield_now();
    }
    let entries = g.read_all(0).await;
    for entry in &entries {
        let first = entries
            .iter()
            .find(|other| other.time >= entry.time)
            .unwrap()
            .offset;
        assert_eq!(g.log.offset_at(g.id, entry.time).await, Ok(first));
    }
    let last = entries[59].time;
    assert_eq!(g.log.offset_at(g.id, Timestamp(last.0 + 1)).await, Ok(60));
    g.log.trim(g.id, 31).await.unwrap();
    assert_eq!(g.log.offset_at(g.id, Timestamp(0)).await, Ok(31));
}

pub(super) async fn what_is_trimmed_is_gone(g: Ground) {
    g.append(0..10).await;
    g.log.trim(g.id, 4).await.unwrap();
    assert_eq!(g.log.tail(g.id).unwrap().start, 4);
    assert_eq!(
        g.log.read(g.id, 3, ALL).await,
        Err(LogError::Trimmed { offset: 3, start: 4 })
    );
    let entries = g.read_all(4).await;
    assert_eq!(
        (entries.len(), &entries[0].bytes[..]),
        (6, &Ground::record(4)[..])
    );
    // Backwards and twice change nothing, beyond the tail is refused.
    g.log.trim(g.id, 2).await.unwrap();
    g.log.trim(g.id, 4).await.unwrap();
    assert_eq!(g.log.tail(g.id).unwrap().start, 4);
    assert_eq!(
        g.log.trim(g.id, 11).await,
        Err(LogError::BeyondTail { offset: 11, end: 10 })
    );
    g.log.trim(g.id, 10).await.unwrap();
    let stats = g.log.stats(g.id).unwrap();
    assert_eq!((stats.records, stats.bytes), (0, 0));
    g.append(10..11).await;
    assert_eq!(g.read_all(10).await.len(), 1);
}

pub(super) async fn logs_do_not_see_each_other(g: Ground) {
    let other = LogId(g.id.0 + 1);
    let retention = std::time::Duration::from_secs(30 * 86_400);
    g.log.create(other, LogOptions { retention }).await.unwrap();
    g.append(0..5).await;
    g.log.append(other, Batch::of(&["other"])).await.unwrap();
    g.append(5..10).await;
    assert_eq!(g.log.tail(other).unwrap().end, 1);
    let entries = g.read_all(0).await;
    assert!(
        entries
            .iter()
            .enumerate()
            .all(|(n, entry)| entry.bytes == Ground::record(n))
    );
    assert_eq!(entries.len(), 10);
}

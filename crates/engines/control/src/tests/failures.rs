//! Damage, mistakes and shutdown: a clear error, never a panic, never a wrong state.

use bytes::Bytes;
use millrace_log::Batch;

use super::*;
use crate::{Status, command};

async fn with_bad_record(bytes: Vec<u8>) -> (String, String) {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    node.first.propose(deposit("a", 1, 0)).await.unwrap();
    log.append(LOG, Batch::of(&[bytes])).await.unwrap();
    let mut status = node.control.status();
    let failed = |status: &Status| matches!(status, Status::Failed(_));
    tokio::time::timeout(Duration::from_secs(5), status.wait_for(failed))
        .await
        .unwrap()
        .unwrap();
    // Running: the node stops applying and says why. Opening: refused for the same reason.
    let running = node.first.propose(deposit("a", 1, 0)).await.unwrap_err();
    assert_eq!(node.first.read(|bank| bank.accounts["a"]), 1);
    let opening = Node::open(&log, &blobs, rare_snapshots()).await.err().unwrap();
    (running.to_string(), opening.to_string())
}

#[tokio::test]
async fn a_bad_command_in_the_log_is_a_clear_error() {
    let mut flipped = command::encode(1, [0; 16], 0, &deposit("a", 1, 0)).unwrap();
    *flipped.last_mut().unwrap() ^= 1;
    let mut newer = flipped.clone();
    newer[0] = 9;
    let cases = [
        (
            b"garbage that is long enough to be a command".to_vec(),
            "the command at 1 has format version 103",
        ),
        (newer, "has format version 9, this program knows version 1"),
        (flipped, "the command at 1 does not have its checksum"),
        (vec![1, 2, 3], "is cut off after 3 bytes"),
        (
            command::encode(1, [0; 16], 0, &"no move").unwrap(),
            "is none that part 1 understands",
        ),
        (
            command::encode(9, [0; 16], 0, &1).unwrap(),
            "is for part 9, this program knows parts [1, 2]",
        ),
    ];
    for (bytes, text) in cases {
        let (running, opening) = with_bad_record(bytes).await;
        assert!(running.contains(text), "{running}");
        assert!(opening.contains(text), "{opening}");
    }
}

#[tokio::test]
async fn a_machine_that_panics_does_not_leave_its_proposer_waiting() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    let error = tokio::time::timeout(Duration::from_secs(5), node.first.propose(Move::Panic))
        .await
        .unwrap();
    assert!(matches!(error, Err(ControlError::Corrupt(_))), "{error:?}");
    assert!(node.second.propose(deposit("a", 1, 0)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn proposals_during_shutdown_end() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    let mut proposals = Vec::new();
    for note in 0..200 {
        let (part, tasks) = (node.first.clone(), node.tasks.clone());
        #[expect(clippy::disallowed_methods, reason = "a test waits for its own tasks")]
        proposals.push(tokio::spawn(async move {
            if note == 100 {
                tasks.stop();
            }
            part.propose(deposit("a", 1, note)).await
        }));
    }
    for proposal in proposals {
        let outcome = tokio::time::timeout(Duration::from_secs(5), proposal)
            .await
            .unwrap()
            .unwrap();
        assert!(
            matches!(outcome, Ok(_) | Err(ControlError::Closed)),
            "{outcome:?}"
        );
    }
    let (part, control) = (node.first.clone(), node.control.clone());
    node.stop().await;
    assert_eq!(part.propose(deposit("a", 1, 0)).await, Err(ControlError::Closed));
    assert_eq!(control.snapshot_now().await, Err(ControlError::Closed));
    assert_eq!(*control.status().borrow(), Status::Closed);
}

#[tokio::test]
async fn before_it_is_open_nothing_is_taken() {
    let mut builder = Control::builder(
        memory_log(),
        LOG,
        Blobs::memory(),
        Tasks::new(),
        Options::default(),
    );
    let part = builder.part::<Bank>(1);
    assert_eq!(part.propose(deposit("a", 1, 0)).await, Err(ControlError::Closed));
}

#[tokio::test]
async fn a_number_names_one_part() {
    let mut builder = Control::builder(
        memory_log(),
        LOG,
        Blobs::memory(),
        Tasks::new(),
        Options::default(),
    );
    let _ = (
        builder.part::<Bank>(3),
        builder.part::<Bank>(4),
        builder.part::<Bank>(3),
    );
    assert_eq!(builder.open().await.err(), Some(ControlError::DuplicatePart(3)));
}

#[tokio::test]
async fn a_command_that_is_too_large_is_not_proposed() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    let error = node
        .first
        .propose(deposit(&"x".repeat(1 << 20), 1, 0))
        .await
        .unwrap_err();
    assert!(matches!(error, ControlError::TooLarge { .. }));
    assert_eq!(log.tail(LOG).unwrap().end, 0);
}

/// Ten commands before each of `snapshots` snapshots, and three behind the last.
async fn history(snapshots: usize) -> (Arc<dyn Log>, Blobs, (Bank, Bank)) {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    for _ in 0..snapshots {
        for note in 0..10 {
            node.first.propose(deposit("a", 1, note)).await.unwrap();
        }
        node.control.snapshot_now().await.unwrap();
    }
    for note in 0..3 {
        node.second.propose(deposit("b", 1, note)).await.unwrap();
    }
    let states = node.states();
    node.stop().await;
    (log, blobs, states)
}

async fn damage(blobs: &Blobs, nth_newest: usize) -> String {
    let snapshots: Vec<_> = blobs.list("").await.unwrap().into_iter().rev().collect();
    let key = snapshots[nth_newest].key.clone();
    let mut bytes = blobs.get(&key).await.unwrap().to_vec();
    let middle = bytes.len() - 5;
    bytes[middle] ^= 4;
    blobs.put(&key, Bytes::from(bytes)).await.unwrap();
    key
}

#[tokio::test]
async fn a_damaged_snapshot_is_set_aside_for_the_older_one() {
    let (log, blobs, states) = history(4).await;
    let key = damage(&blobs, 0).await;
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    assert_eq!(node.states(), states);
    assert!(blobs.exists(&format!("{key}.damaged")).await.unwrap());
    // The next two snapshots are again two from which one can start.
    node.control.snapshot_now().await.unwrap();
    node.stop().await;
    damage(&blobs, 0).await;
    let again = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    assert_eq!(again.states(), states);
}

#[tokio::test]
async fn with_one_damaged_snapshot_the_log_still_reaches_back_to_zero() {
    let (log, blobs, states) = history(1).await;
    damage(&blobs, 0).await;
    assert_eq!(
        Node::open(&log, &blobs, rare_snapshots()).await.unwrap().states(),
        states
    );
}

#[tokio::test]
async fn without_a_whole_snapshot_it_does_not_open() {
    let (log, blobs, _) = history(4).await;
    let keys = [damage(&blobs, 0).await, damage(&blobs, 1).await];
    let error = Node::open(&log, &blobs, rare_snapshots())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(keys.iter().all(|key| error.contains(key)), "{error}");
    assert!(
        error.contains("starts at 30") && error.contains("backup"),
        "{error}"
    );
    for key in &keys {
        blobs.delete(key).await.unwrap();
    }
    let error = Node::open(&log, &blobs, rare_snapshots())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("no snapshot reaches that far"), "{error}");
}

#[tokio::test]
async fn a_snapshot_from_another_world_is_refused() {
    let (_, blobs, _) = history(2).await;
    let error = Node::open(&memory_log(), &blobs, rare_snapshots())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("position 20, but the control log ends at 0"),
        "{error}"
    );
}

#[tokio::test]
async fn a_snapshot_with_an_unknown_part_or_version_is_refused() {
    let (log, blobs, _) = history(1).await;
    let mut builder = Control::builder(
        Arc::clone(&log),
        LOG,
        blobs.clone(),
        Tasks::new(),
        rare_snapshots(),
    );
    let _ = builder.part::<Bank>(2);
    let error = builder.open().await.err().unwrap().to_string();
    assert!(
        error.contains("the snapshot at 10 has part 1, this program knows parts [2]"),
        "{error}"
    );

    let key = blobs.list("").await.unwrap()[0].key.clone();
    let bytes = blobs.get(&key).await.unwrap();
    let newer =
        String::from_utf8(bytes.to_vec())
            .unwrap()
            .replacen("millrace-control 1", "millrace-control 2", 1);
    blobs.put(&key, newer.into()).await.unwrap();
    let error = Node::open(&log, &blobs, rare_snapshots())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("format version 2, this program knows version 1"),
        "{error}"
    );
}

//! Several nodes over one log.

use std::collections::BTreeSet;

use super::*;
use crate::Status;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_converge_and_each_proposer_gets_its_own_outcome() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let options = || Options {
        snapshot_commands: 50,
        ..Options::default()
    };
    let a = Node::open(&log, &blobs, options()).await.unwrap();
    let b = Node::open(&log, &blobs, options()).await.unwrap();
    let mut proposals = Vec::new();
    for note in 0..400u64 {
        let part = [&a.first, &b.first, &a.second, &b.second][usize::try_from(note % 4).unwrap()].clone();
        #[expect(clippy::disallowed_methods, reason = "a test waits for its own tasks")]
        proposals.push(tokio::spawn(async move {
            (note, part.propose(deposit("a", 1, note)).await.unwrap())
        }));
    }
    let mut indexes = BTreeSet::new();
    for proposal in proposals {
        let (proposed, outcome) = proposal.await.unwrap();
        let Moved::Balance { index, note, .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(note, proposed, "someone else's outcome");
        assert!(indexes.insert(index), "one outcome was given twice");
    }
    assert_eq!(indexes, (0..400).collect());
    a.reach(400).await;
    b.reach(400).await;
    assert_eq!(a.states(), b.states());
    assert_eq!(a.first.read(|bank| bank.accounts["a"]), 200);
}

#[tokio::test]
async fn changes_are_seen_only_after_they_can_be_read() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let a = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    let b = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    let mut changed = b.second.changed();
    assert_eq!(*changed.borrow_and_update(), 0);
    a.first.propose(deposit("a", 1, 0)).await.unwrap();
    a.second.propose(deposit("b", 1, 0)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), changed.changed())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(*changed.borrow(), 2);
    assert_eq!(b.second.read(|bank| bank.accounts["b"]), 1);
}

#[tokio::test]
async fn a_node_that_fell_behind_a_trim_continues_from_a_snapshot() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let mut builder = Control::builder(
        Arc::clone(&log),
        LOG,
        blobs.clone(),
        Tasks::new(),
        rare_snapshots(),
    );
    let (part, _other) = (builder.part::<Bank>(1), builder.part::<Bank>(2));
    let mut applier = builder.assemble();
    applier.shared.status.send_replace(Status::Running);
    log.create(
        LOG,
        millrace_log::LogOptions {
            retention: Duration::MAX,
        },
    )
    .await
    .unwrap();
    applier.open().await.unwrap();

    // Its own proposal is in the log, but it does not get to apply it.
    let waiting = part.propose(deposit("mine", 1, 0));
    tokio::pin!(waiting);
    assert!(
        tokio::time::timeout(Duration::from_millis(10), &mut waiting)
            .await
            .is_err()
    );

    let fast = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    for note in 0..20 {
        fast.first.propose(deposit("a", 1, note)).await.unwrap();
        if note % 5 == 4 {
            fast.control.snapshot_now().await.unwrap();
        }
    }
    assert!(log.tail(LOG).unwrap().start > 0);
    applier.catch_up().await.unwrap();
    assert_eq!(waiting.await, Err(ControlError::Skipped));
    assert_eq!(part.read(Bank::clone), fast.first.read(Bank::clone));
    assert_eq!(part.read(|bank| bank.accounts["mine"]), 1);
}

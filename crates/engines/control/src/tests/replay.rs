//! The same commands give the same state, however it is reached.

use millrace_blob::Blobs;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    First(Move),
    Second(Move),
    Snapshot,
    Restart,
}

fn any_move() -> impl Strategy<Value = Move> {
    let account = "[a-c]";
    prop_oneof![
        (account, any::<u128>(), any::<u64>()).prop_map(|(to, amount, note)| Move::Deposit {
            to,
            amount,
            note
        }),
        (account, any::<u128>()).prop_map(|(from, amount)| Move::Withdraw { from, amount }),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any_move().prop_map(Step::First),
        4 => any_move().prop_map(Step::Second),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn replay_from_zero_equals_replay_from_snapshots(steps in prop::collection::vec(any_step(), 1..60), every in 1u64..20) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            // One history is never cut; the other one has snapshots, trims and restarts in between.
            let (whole, cut) = (memory_log(), memory_log());
            let (no_blobs, blobs) = (Blobs::memory(), Blobs::memory());
            let often = || Options { snapshot_commands: every, trim_slack: 0, ..Options::default() };
            let plain = Node::open(&whole, &no_blobs, rare_snapshots()).await.unwrap();
            let mut node = Node::open(&cut, &blobs, often()).await.unwrap();
            let mut oracle = (Bank::default(), Bank::default());
            let mut index = 0;
            for step in steps {
                let (part, command) = match step {
                    Step::First(command) => (1, command),
                    Step::Second(command) => (2, command),
                    Step::Snapshot => {
                        assert_eq!(node.control.snapshot_now().await.unwrap(), index);
                        continue;
                    }
                    Step::Restart => {
                        node.stop().await;
                        node = Node::open(&cut, &blobs, often()).await.unwrap();
                        assert_eq!(node.states(), oracle);
                        continue;
                    }
                };
                let at = Applied { index, time: millrace_base::Timestamp(0) };
                index += 1;
                let (machine, a, b) = match part {
                    1 => (&mut oracle.0, &plain.first, &node.first),
                    _ => (&mut oracle.1, &plain.second, &node.second),
                };
                let expected = machine.apply(at, command.clone());
                assert_eq!(a.propose(command.clone()).await.unwrap(), expected);
                assert_eq!(b.propose(command).await.unwrap(), expected);
            }
            node.stop().await;
            plain.stop().await;
            let from_zero = Node::open(&whole, &no_blobs, rare_snapshots()).await.unwrap();
            let from_snapshot = Node::open(&cut, &blobs, often()).await.unwrap();
            assert_eq!(from_zero.states(), oracle);
            assert_eq!(from_snapshot.states(), oracle);
            assert_eq!(from_zero.control.applied(), index);
            assert_eq!(from_snapshot.control.applied(), index);
        });
    }
}

#[tokio::test]
async fn snapshots_are_bounded_and_the_log_is_trimmed_behind_them() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    for round in 0..5u64 {
        for note in 0..10 {
            node.first.propose(deposit("a", 1, note)).await.unwrap();
        }
        assert_eq!(node.control.snapshot_now().await.unwrap(), (round + 1) * 10);
    }
    let keys: Vec<_> = blobs
        .list("")
        .await
        .unwrap()
        .into_iter()
        .map(|blob| blob.key)
        .collect();
    let key = |index: u64| format!("control/0000000000000007/{index:020}.snapshot");
    assert_eq!(keys, [key(40), key(50)]);
    assert_eq!(log.tail(LOG).unwrap().start, 40);
}

#[tokio::test]
async fn snapshots_are_taken_without_being_asked_for() {
    for options in [
        Options {
            snapshot_commands: 10,
            trim_slack: 0,
            ..Options::default()
        },
        Options {
            snapshot_bytes: 700,
            trim_slack: 0,
            ..Options::default()
        },
    ] {
        let (log, blobs) = (memory_log(), Blobs::memory());
        let node = Node::open(&log, &blobs, options).await.unwrap();
        for note in 0..100 {
            node.first.propose(deposit("a", 1, note)).await.unwrap();
        }
        node.stop().await;
        assert_eq!(blobs.list("").await.unwrap().len(), 2);
        assert!(log.tail(LOG).unwrap().start >= 50);
    }
}

#[tokio::test]
async fn a_directory_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let log = memory_log();
    let blobs = Blobs::local(dir.path()).unwrap();
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    node.second
        .propose(deposit("ü\u{1F600}", u128::MAX, 1))
        .await
        .unwrap();
    node.control.snapshot_now().await.unwrap();
    let states = node.states();
    node.stop().await;
    let again = Node::open(&log, &Blobs::local(dir.path()).unwrap(), rare_snapshots())
        .await
        .unwrap();
    assert_eq!(again.states(), states);
}

#[tokio::test]
async fn a_part_that_is_new_starts_empty() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let tasks = Tasks::new();
    let mut builder = Control::builder(
        Arc::clone(&log),
        LOG,
        blobs.clone(),
        tasks.clone(),
        rare_snapshots(),
    );
    let first = builder.part::<Bank>(1);
    let control = builder.open().await.unwrap();
    first.propose(deposit("a", 5, 0)).await.unwrap();
    control.snapshot_now().await.unwrap();
    tasks.drain(Duration::from_secs(5)).await;
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    assert_eq!(node.states(), (first.read(Bank::clone), Bank::default()));
}

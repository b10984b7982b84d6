//! What was under way when the process ended is finished by the next one.

use std::sync::Arc;
use std::time::Duration;

use millrace_base::{ManualClock, Timestamp};
use millrace_log::{Log, MemoryLog};
use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::flaky::FlakyLog;
use crate::world::{self, World, ids, is_exact_cover, settings};

/// Transitions never end by themselves.
fn frozen() -> millrace_streams::Settings {
    settings(Profile::Open, Duration::from_secs(1_000_000))
}

fn quick() -> millrace_streams::Settings {
    settings(Profile::Open, Duration::ZERO)
}

#[tokio::test]
async fn a_creation_is_resumed() {
    let world = world::with(frozen()).await;
    world
        .ok("CreateStream", json!({"StreamName": "s", "ShardCount": 2}))
        .await;
    let world = world.restart(quick()).await;
    world.reaches("s", "ACTIVE").await;
    assert!(world.logs("s").iter().all(|log| world.log.tail(log.id()).is_ok()));
}

#[tokio::test]
async fn a_reshard_is_resumed() {
    let world = world::open(Profile::Open).await;
    world.active("s", 2).await;
    let world = world.restart(frozen()).await;
    world
        .ok(
            "UpdateShardCount",
            json!({"StreamName": "s", "TargetShardCount": 3, "ScalingType": "UNIFORM_SCALING"}),
        )
        .await;
    tokio::task::yield_now().await;
    assert_eq!(world.status("s").await, "UPDATING");
    assert_eq!(
        ids(&world.shards("s", Value::Null, 100).await),
        ["00", "01"],
        "nothing is visible yet"
    );
    let world = world.restart(quick()).await;
    world.reaches("s", "ACTIVE").await;
    let open = world.shards("s", json!({"Type": "AT_LATEST"}), 100).await;
    assert_eq!(open.len(), 3);
    assert!(is_exact_cover(&open));
}

#[tokio::test]
async fn a_deletion_is_resumed_even_in_the_middle_of_a_reshard() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let logs = world.logs("s");
    let world = world.restart(frozen()).await;
    let body =
        json!({"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000"});
    world.ok("SplitShard", body).await;
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    assert_eq!(world.status("s").await, "DELETING");
    let world = world.restart(quick()).await;
    world.reaches("s", "ResourceNotFoundException").await;
    assert!(logs.iter().all(|log| world.log.tail(log.id()).is_err()));
}

#[tokio::test]
async fn tokens_survive_a_restart() {
    let world = world::open(Profile::Open).await;
    world.active("a", 1).await;
    world.active("b", 1).await;
    let token = world.ok("ListStreams", json!({"Limit": 1})).await["NextToken"].clone();
    let world = world.restart(quick()).await;
    assert_eq!(
        world.ok("ListStreams", json!({"NextToken": token})).await["StreamNames"],
        json!(["b"])
    );
}

#[tokio::test]
async fn failing_steps_are_tried_again_until_all_is_done() {
    let clock = ManualClock::new(Timestamp(world::START));
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new(Arc::new(clock.clone())));
    let world = world::over(clock, Arc::new(FlakyLog::new(log)), quick()).await;
    let moving = async {
        loop {
            world.clock.advance(Duration::from_millis(50));
            tokio::task::yield_now().await;
        }
    };
    let test = async {
        world.active("s", 2).await;
        let body = json!({"StreamName": "s", "TargetShardCount": 5, "ScalingType": "UNIFORM_SCALING"});
        world.ok("UpdateShardCount", body).await;
        world.reaches("s", "ACTIVE").await;
        let logs = world.logs("s");
        for (log, closed) in world.control.read(|state| {
            let stream = state.stream(&World::key("s")).unwrap();
            stream
                .shards
                .values()
                .map(|shard| (shard.log, !shard.is_open()))
                .collect::<Vec<_>>()
        }) {
            assert_eq!(
                world.log.tail(log.id()).unwrap().sealed,
                closed,
                "closed shards are sealed, open ones not"
            );
        }
        world.ok("DeleteStream", json!({"StreamName": "s"})).await;
        world.reaches("s", "ResourceNotFoundException").await;
        assert!(logs.iter().all(|log| world.log.tail(log.id()).is_err()));
        assert!(world.streams.metrics().lifecycle_errors.get() > 0);
    };
    tokio::select! {
        () = test => {}
        () = moving => {}
    }
}

/// Both nodes do all the work at once; neither is in the other's way.
#[tokio::test]
async fn two_nodes_over_one_log_agree() {
    let one = world::open(Profile::Open).await;
    let two = one.second(quick()).await;
    one.active("s", 1).await;
    two.reaches("s", "ACTIVE").await;
    for target in [3, 2, 7] {
        let body = json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
        two.ok("UpdateShardCount", body).await;
        two.reaches("s", "ACTIVE").await;
        let open = two.shards("s", json!({"Type": "AT_LATEST"}), 100).await;
        assert!(open.len() == target && is_exact_cover(&open));
        let seen = two.control.read(|state| state.stream(&World::key("s")).cloned());
        one.until(|state| state.stream(&World::key("s")).cloned() == seen)
            .await;
    }
    // A token of one node is good on the other.
    let token = one
        .ok("ListShards", json!({"StreamName": "s", "MaxResults": 1}))
        .await["NextToken"]
        .clone();
    two.ok("ListShards", json!({"NextToken": token})).await;
    one.ok("DeleteStream", json!({"StreamName": "s"})).await;
    two.reaches("s", "ResourceNotFoundException").await;
    one.reaches("s", "ResourceNotFoundException").await;
}

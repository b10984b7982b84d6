//! What was under way when the process ended is finished by the next one.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::world::{self, ids, is_exact_cover, settings};

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

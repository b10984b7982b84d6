//! Request rates under profile `aws`, and none under `open`.

use std::time::Duration;

use millrace_streams::Profile;
use millrace_streams::quotas::Quota;
use serde_json::json;

use crate::world::{self, ACCOUNT, REGION, World, caller};

#[tokio::test]
async fn rates_are_those_of_the_service() {
    let world = world::open(Profile::Aws).await;
    for op in ["ListStreams"; 5] {
        world.ok(op, json!({})).await;
    }
    assert_eq!(
        world.refused("ListStreams", json!({})).await,
        "LimitExceededException: Rate exceeded for ListStreams under account 000000000000."
    );
    world
        .call_as(&caller("111111111111", REGION), "ListStreams", json!({}))
        .await
        .unwrap();
    world.clock.advance(Duration::from_millis(200));
    world.ok("ListStreams", json!({})).await;
    assert!(world.call("ListStreams", json!({})).await.is_err());
}

#[tokio::test]
async fn rates_per_stream_are_counted_per_stream() {
    let world = world::open(Profile::Aws).await;
    world.active("a", 1).await;
    world.active("b", 1).await;
    let body = |name: &str, hours: u32| json!({"StreamName": name, "RetentionPeriodHours": hours});
    for i in 0..5 {
        world.ok("IncreaseStreamRetentionPeriod", body("a", 25 + i)).await;
    }
    assert_eq!(
        world
            .refused("IncreaseStreamRetentionPeriod", body("a", 40))
            .await,
        "LimitExceededException: Rate exceeded for stream a under account 000000000000."
    );
    world.ok("IncreaseStreamRetentionPeriod", body("b", 40)).await;
    assert_eq!(world.streams.metrics().control_throttled.get(), 1);
}

#[tokio::test]
async fn the_open_profile_has_no_rates() {
    let world = world::open(Profile::Open).await;
    for _ in 0..200 {
        world.ok("ListStreams", json!({})).await;
    }
}

#[tokio::test]
async fn shards_per_account_are_counted_over_streams() {
    let world = world::open(Profile::Aws).await;
    world.active("a", 498).await;
    world.active("b", 1).await;
    world.clock.advance(Duration::from_secs(1));
    let refused = world
        .refused("CreateStream", json!({"StreamName": "c", "ShardCount": 2}))
        .await;
    assert!(
        refused.starts_with(
            "LimitExceededException: This request would exceed the shard limit for the account 000000000000 in \
             us-east-1. Current shard count for the account: 499. Limit: 500. Number of additional shards that would \
             have resulted from this request: 2."
        ),
        "{refused}"
    );
    let body =
        json!({"StreamName": "a", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000"});
    world.ok("SplitShard", body).await;
    let body =
        json!({"StreamName": "b", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000"});
    assert!(
        world
            .refused("SplitShard", body)
            .await
            .starts_with("LimitExceededException")
    );
}

#[tokio::test]
async fn a_quota_can_be_changed_while_the_service_runs_and_stays_changed() {
    let mut world = world::open(Profile::Aws).await;
    let shards = Quota::find("shards-per-region").unwrap();
    let limit = async |world: &World| {
        world.clock.advance(Duration::from_secs(1));
        world.ok("DescribeLimits", json!({})).await["ShardLimit"].clone()
    };
    assert_eq!(limit(&world).await, 500);
    world.streams.set_quota(ACCOUNT, REGION, shards, 3).await.unwrap();
    assert_eq!(limit(&world).await, 3);
    let four = json!({"StreamName": "four", "ShardCount": 4});
    let refused = world.refused("CreateStream", four.clone()).await;
    assert!(refused.starts_with("LimitExceededException"), "{refused}");
    world = world.restart(world::settings(Profile::Aws, Duration::ZERO)).await;
    assert_eq!(limit(&world).await, 3);
    world.streams.set_quota(ACCOUNT, REGION, shards, 4).await.unwrap();
    world.ok("CreateStream", four).await;
    // Another account has its own.
    assert_eq!(
        world.streams.quotas("111111111111", REGION).shards_per_account,
        500
    );
    let most = shards.most(REGION);
    let refused = world.streams.set_quota(ACCOUNT, REGION, shards, most + 1).await;
    assert!(refused.unwrap_err().to_string().contains(&most.to_string()));
}

//! Records and shards expire.

use std::time::Duration;

use millrace_log::{Batch, LogId};
use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::world::{self, World, ids};

const HOUR: Duration = Duration::from_secs(3600);

async fn put(world: &World, log: LogId, record: &str) {
    world.log.append(log, Batch::of(&[record])).await.unwrap();
}

/// Waits until the log starts at `start`.
async fn starts_at(world: &World, log: LogId, start: u64) {
    let wait = async {
        while world.log.tail(log).unwrap().start != start {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("never trimmed");
}

#[tokio::test]
async fn records_older_than_retention_are_trimmed() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let log = world.logs("s")[0].id();
    put(&world, log, "a").await;
    world.clock.advance(10 * HOUR);
    put(&world, log, "b").await;
    world.clock.advance(14 * HOUR + Duration::from_secs(60));
    starts_at(&world, log, 1).await;
    world.clock.advance(10 * HOUR);
    starts_at(&world, log, 2).await;
}

#[tokio::test]
async fn a_shorter_retention_trims_at_once() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let log = world.logs("s")[0].id();
    world
        .ok(
            "IncreaseStreamRetentionPeriod",
            json!({"StreamName": "s", "RetentionPeriodHours": 100}),
        )
        .await;
    put(&world, log, "a").await;
    world.clock.advance(50 * HOUR);
    put(&world, log, "b").await;
    assert_eq!(world.log.tail(log).unwrap().start, 0);
    world
        .ok(
            "DecreaseStreamRetentionPeriod",
            json!({"StreamName": "s", "RetentionPeriodHours": 24}),
        )
        .await;
    starts_at(&world, log, 1).await;
    let answer = world
        .ok("DescribeStreamSummary", json!({"StreamName": "s"}))
        .await;
    assert_eq!(answer["StreamDescriptionSummary"]["RetentionPeriodHours"], 24);
}

#[tokio::test]
async fn closed_shards_leave_the_listing_and_then_the_disk() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let parent = world.logs("s")[0].id();
    put(&world, parent, "a").await;
    let body =
        json!({"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000"});
    world.ok("SplitShard", body).await;
    world.reaches("s", "ACTIVE").await;
    world.clock.advance(24 * HOUR - Duration::from_secs(1));
    assert_eq!(
        ids(&world.shards("s", Value::Null, 100).await),
        ["00", "01", "02"]
    );
    world.clock.advance(Duration::from_millis(1_001));
    assert_eq!(ids(&world.shards("s", Value::Null, 100).await), ["01", "02"]);
    let answer = world.ok("DescribeStream", json!({"StreamName": "s"})).await;
    assert_eq!(
        ids(answer["StreamDescription"]["Shards"].as_array().unwrap()),
        ["01", "02"]
    );
    // Pages under way live five minutes; after that the shard goes, and its log with it.
    world.clock.advance(Duration::from_secs(400));
    world
        .until(|state| state.doomed().is_empty() && state.stream(&World::key("s")).unwrap().shards.len() == 2)
        .await;
    assert!(world.log.tail(parent).is_err());
    let shards = world.shards("s", json!({"Type": "AT_TRIM_HORIZON"}), 100).await;
    assert_eq!(ids(&shards), ["01", "02"]);
    assert_eq!(
        shards[0]["ParentShardId"], "shardId-000000000000",
        "the parent is still named"
    );
}

#[tokio::test]
async fn retention_is_bounded_in_words() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    world
        .ok(
            "IncreaseStreamRetentionPeriod",
            json!({"StreamName": "s", "RetentionPeriodHours": 48}),
        )
        .await;
    for (op, hours, expected) in [
        (
            "DecreaseStreamRetentionPeriod",
            23,
            "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.",
        ),
        (
            "IncreaseStreamRetentionPeriod",
            -5,
            "Minimum allowed retention period is 24 hours.",
        ),
        (
            "IncreaseStreamRetentionPeriod",
            8761,
            "Maximum allowed retention period is 8760 hours.",
        ),
        (
            "DecreaseStreamRetentionPeriod",
            49,
            "Requested retention period (49 hours) for stream s can not be longer than existing retention period (48 \
             hours). Use IncreaseRetentionPeriod API.",
        ),
        (
            "IncreaseStreamRetentionPeriod",
            47,
            "can not be shorter than existing retention period (48 hours)",
        ),
    ] {
        let refused = world
            .refused(op, json!({"StreamName": "s", "RetentionPeriodHours": hours}))
            .await;
        assert!(
            refused.starts_with("InvalidArgumentException: ") && refused.contains(expected),
            "{refused}"
        );
    }
}

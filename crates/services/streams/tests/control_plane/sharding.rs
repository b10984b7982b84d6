//! Shards are split, merged and scaled.

use millrace_log::{Batch, LogError};
use millrace_streams::Profile;
use millrace_streams::state::ShardIndex;
use serde_json::{Value, json};

use crate::world::{self, World, ids, is_exact_cover};

const HALF: &str = "170141183460469231731687303715884105728";

async fn split(world: &World, shard: &str, at: &str) {
    let body = json!({"StreamName": "s", "ShardToSplit": shard, "NewStartingHashKey": at});
    world.ok("SplitShard", body).await;
    world.reaches("s", "ACTIVE").await;
}

#[tokio::test]
async fn a_split_closes_the_parent_and_bears_two_children() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let parent = world.logs("s")[0].id();
    world
        .log
        .append(parent, Batch::of(&[b"a", b"b", b"c"]))
        .await
        .unwrap();
    split(&world, "shardId-000000000000", HALF).await;
    assert_eq!(
        world.log.append(parent, Batch::of(&[b"d"])).await,
        Err(LogError::Sealed(parent)),
        "the parent takes no more records"
    );
    let shards = world.shards("s", Value::Null, 100).await;
    assert_eq!(ids(&shards), ["00", "01", "02"]);
    let ending = shards[0]["SequenceNumberRange"]["EndingSequenceNumber"]
        .as_str()
        .unwrap();
    for child in &shards[1..] {
        assert_eq!(child["ParentShardId"], "shardId-000000000000");
        assert!(child.get("AdjacentParentShardId").is_none());
        let starting = child["SequenceNumberRange"]["StartingSequenceNumber"]
            .as_str()
            .unwrap();
        assert!(
            ending < starting,
            "sequence numbers grow along lines of descent: {ending} {starting}"
        );
    }
    assert_eq!(shards[2]["HashKeyRange"]["StartingHashKey"], HALF);
    let view = world.streams.view(&World::key("s")).unwrap();
    assert_eq!(view.shard(ShardIndex(0)).unwrap().closed.unwrap().end, 3);
    assert_eq!(view.route(7).unwrap().index, ShardIndex(1));
    assert_eq!(view.route(u128::MAX).unwrap().index, ShardIndex(2));
    assert_eq!(view.children(ShardIndex(0)).count(), 2);
    assert!(world.logs("s").iter().all(|log| world.log.tail(log.id()).is_ok()));
}

#[tokio::test]
async fn a_merge_names_both_parents() {
    let world = world::open(Profile::Open).await;
    world.active("s", 3).await;
    let body = json!({
        "StreamName": "s", "ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000000",
    });
    world.ok("MergeShards", body).await;
    world.reaches("s", "ACTIVE").await;
    let shards = world.shards("s", json!({"Type": "AT_LATEST"}), 100).await;
    assert_eq!(ids(&shards), ["02", "03"]);
    assert_eq!(shards[1]["ParentShardId"], "shardId-000000000001");
    assert_eq!(shards[1]["AdjacentParentShardId"], "shardId-000000000000");
    assert!(is_exact_cover(&shards));
    let body = json!({
        "StreamName": "s", "ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000002",
    });
    assert_eq!(
        world.refused("MergeShards", body).await,
        "InvalidArgumentException: Shard shardId-000000000001 in stream s under account 000000000000 has already been \
         merged or split, and thus is not eligible for merging or splitting."
    );
}

#[tokio::test]
async fn scaling_ends_with_uniform_ranges() {
    let world = world::open(Profile::Open).await;
    world.active("s", 3).await;
    for target in [5u32, 2, 7, 7, 1] {
        let before = world.shards("s", json!({"Type": "AT_LATEST"}), 100).await.len();
        let body = json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
        let answer = world.ok("UpdateShardCount", body).await;
        assert_eq!(
            (&answer["CurrentShardCount"], &answer["TargetShardCount"]),
            (&json!(before), &json!(target))
        );
        world.reaches("s", "ACTIVE").await;
        let mut open = world.shards("s", json!({"Type": "AT_LATEST"}), 2).await;
        assert_eq!(u32::try_from(open.len()).unwrap(), target);
        assert!(is_exact_cover(&open));
        let start = |s: &Value| {
            s["HashKeyRange"]["StartingHashKey"]
                .as_str()
                .unwrap()
                .parse::<u128>()
                .unwrap()
        };
        open.sort_by_key(start);
        let size = u128::MAX / u128::from(target);
        for (i, shard) in (0u128..).zip(&open) {
            assert!(start(shard).abs_diff(size * i) <= u128::from(target));
        }
    }
}

#[tokio::test]
async fn scaling_is_bounded_like_the_service() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 2).await;
    let scale = |target: u32| json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
    assert_eq!(
        world.refused("UpdateShardCount", scale(5)).await,
        "LimitExceededException: UpdateShardCount cannot scale up over double your current open shard count. Current \
         open shard count: 2 Target shard count: 5"
    );
    world.ok("UpdateShardCount", scale(4)).await;
}

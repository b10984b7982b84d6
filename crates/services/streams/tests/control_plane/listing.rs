//! ListShards: filters, pages, tokens.

use std::time::Duration;

use millrace_base::{Clock, Timestamp};
use millrace_streams::Profile;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{self, World, ids, is_exact_cover, seconds};

/// Three shards; ten seconds later the first is split; ten seconds later its children are merged again.
async fn resharded() -> World {
    let world = world::open(Profile::Open).await;
    world.active("s", 3).await;
    world.clock.advance(Duration::from_secs(10));
    let body =
        json!({"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "1000"});
    world.ok("SplitShard", body).await;
    world.reaches("s", "ACTIVE").await;
    world.clock.advance(Duration::from_secs(10));
    let body = json!({
        "StreamName": "s", "ShardToMerge": "shardId-000000000003", "AdjacentShardToMerge": "shardId-000000000004",
    });
    world.ok("MergeShards", body).await;
    world.reaches("s", "ACTIVE").await;
    world.clock.advance(Duration::from_secs(10));
    world
}

#[tokio::test]
async fn every_filter_means_what_it_says() {
    let world = resharded().await;
    let at = |offset: u64| seconds(Timestamp(world::START + offset));
    for (filter, expected) in [
        (Value::Null, vec!["00", "01", "02", "03", "04", "05"]),
        (
            json!({"Type": "FROM_TRIM_HORIZON"}),
            vec!["00", "01", "02", "03", "04", "05"],
        ),
        (json!({"Type": "AT_TRIM_HORIZON"}), vec!["00", "01", "02"]),
        (json!({"Type": "AT_LATEST"}), vec!["01", "02", "05"]),
        (
            json!({"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000002"}),
            vec!["03", "04", "05"],
        ),
        (
            json!({"Type": "AT_TIMESTAMP", "Timestamp": at(0)}),
            vec!["00", "01", "02"],
        ),
        (
            json!({"Type": "AT_TIMESTAMP", "Timestamp": at(9_999)}),
            vec!["00", "01", "02"],
        ),
        (
            json!({"Type": "AT_TIMESTAMP", "Timestamp": at(10_000)}),
            vec!["01", "02", "03", "04"],
        ),
        (
            json!({"Type": "AT_TIMESTAMP", "Timestamp": at(20_000)}),
            vec!["01", "02", "05"],
        ),
        (
            json!({"Type": "AT_TIMESTAMP", "Timestamp": 5}),
            vec!["00", "01", "02"],
        ),
        (
            json!({"Type": "AT_TIMESTAMP", "Timestamp": at(99_000)}),
            vec!["01", "02", "05"],
        ),
        (
            json!({"Type": "FROM_TIMESTAMP", "Timestamp": at(10_000)}),
            vec!["00", "01", "02", "03", "04", "05"],
        ),
        (
            json!({"Type": "FROM_TIMESTAMP", "Timestamp": at(10_001)}),
            vec!["01", "02", "03", "04", "05"],
        ),
        (
            json!({"Type": "FROM_TIMESTAMP", "Timestamp": at(20_001)}),
            vec!["01", "02", "05"],
        ),
    ] {
        for page in [1, 2, 100] {
            let shards = world.shards("s", filter.clone(), page).await;
            assert_eq!(ids(&shards), expected, "{filter} in pages of {page}");
        }
    }
}

#[tokio::test]
async fn pages_stay_an_exact_cover_while_the_stream_is_resharded() {
    let world = resharded().await;
    let body = json!({"StreamName": "s", "MaxResults": 1, "ShardFilter": {"Type": "AT_LATEST"}});
    let first = world.ok("ListShards", body).await;
    let body = json!({"StreamName": "s", "TargetShardCount": 6, "ScalingType": "UNIFORM_SCALING"});
    world.ok("UpdateShardCount", body).await;
    world.reaches("s", "ACTIVE").await;
    let second = world
        .ok("ListShards", json!({"NextToken": first["NextToken"]}))
        .await;
    let mut shards = first["Shards"].as_array().unwrap().clone();
    shards.extend(second["Shards"].as_array().unwrap().iter().cloned());
    assert!(is_exact_cover(&shards), "{shards:?}");
}

#[tokio::test]
async fn filters_and_tokens_that_make_no_sense_are_refused() {
    let world = resharded().await;
    let token = world
        .ok("ListShards", json!({"StreamName": "s", "MaxResults": 1}))
        .await["NextToken"]
        .clone();
    let text = token.as_str().unwrap();
    let flipped = format!("{}{}", if text.starts_with('A') { 'B' } else { 'A' }, &text[1..]);
    for (body, expected) in [
        (
            json!({"StreamName": "s", "NextToken": token}),
            "NextToken and StreamName cannot be provided together.",
        ),
        (
            json!({"NextToken": token, "ExclusiveStartShardId": "shardId-000000000000"}),
            "cannot be provided together.",
        ),
        (
            json!({"NextToken": token, "StreamCreationTimestamp": 1}),
            "cannot be provided together.",
        ),
        (json!({"NextToken": flipped}), "NextToken is invalid."),
        (json!({"NextToken": "nonsense"}), "NextToken is invalid."),
        (json!({"NextToken": "A".repeat(100_000)}), "NextToken is invalid."),
        (
            json!({"StreamName": "s", "ExclusiveStartShardId": "first"}),
            "first is not a shard id",
        ),
        (
            json!({"StreamName": "s", "ShardFilter": {"Type": "AT_TIMESTAMP"}}),
            "Timestamp must be provided",
        ),
        (
            json!({"StreamName": "s", "ShardFilter": {"Type": "AFTER_SHARD_ID"}}),
            "ShardId must be provided",
        ),
        (
            json!({"StreamName": "s", "ShardFilter": {"Type": "AT_LATEST", "ShardId": "shardId-000000000000"}}),
            "ShardId must not be provided",
        ),
    ] {
        let refused = world.refused("ListShards", body.clone()).await;
        assert!(
            refused.starts_with("InvalidArgumentException: "),
            "{body}: {refused}"
        );
        assert!(refused.contains(expected), "{body}: {refused}");
    }
    let body = json!({"StreamName": "s", "StreamCreationTimestamp": world.now() - 1000.0});
    assert!(
        world
            .refused("ListShards", body)
            .await
            .starts_with("ResourceNotFoundException")
    );
    let created = seconds(Timestamp(world::START));
    world
        .ok(
            "ListShards",
            json!({"StreamName": "s", "StreamCreationTimestamp": created}),
        )
        .await;
    let other = world.refused("ListStreams", json!({"NextToken": token})).await;
    assert!(other.contains("another operation"), "{other}");
    world.clock.advance(Duration::from_secs(300));
    world.ok("ListShards", json!({"NextToken": token})).await;
    world.clock.advance(Duration::from_secs(1));
    assert!(
        world
            .refused("ListShards", json!({"NextToken": token}))
            .await
            .starts_with("ExpiredNextTokenException")
    );
}

#[tokio::test]
async fn a_token_of_a_deleted_stream_does_not_reach_its_namesake() {
    let world = resharded().await;
    let token = world
        .ok("ListShards", json!({"StreamName": "s", "MaxResults": 1}))
        .await["NextToken"]
        .clone();
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    world.reaches("s", "ResourceNotFoundException").await;
    world.active("s", 5).await;
    assert!(
        world
            .refused("ListShards", json!({"NextToken": token}))
            .await
            .starts_with("ResourceNotFoundException")
    );
}

#[tokio::test]
async fn describe_stream_pages_by_shard() {
    let world = resharded().await;
    let page = world
        .ok("DescribeStream", json!({"StreamName": "s", "Limit": 4}))
        .await;
    let page = &page["StreamDescription"];
    assert_eq!(
        (&page["HasMoreShards"], page["Shards"].as_array().unwrap().len()),
        (&json!(true), 4)
    );
    let body = json!({"StreamName": "s", "ExclusiveStartShardId": "shardId-000000000003"});
    let rest = world.ok("DescribeStream", body).await;
    assert_eq!(
        ids(rest["StreamDescription"]["Shards"].as_array().unwrap()),
        ["04", "05"]
    );
    assert_eq!(rest["StreamDescription"]["HasMoreShards"], false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn at_filters_are_exact_covers_after_any_history(
        scales in proptest::collection::vec((1u32..9, 0u64..40_000), 1..8),
        asked in proptest::collection::vec(0u64..400_000, 1..12),
        page in 1u32..7,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = world::open(Profile::Open).await;
            world.active("s", 2).await;
            for (target, wait) in scales {
                world.clock.advance(Duration::from_millis(wait));
                let body = json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
                world.ok("UpdateShardCount", body).await;
                world.reaches("s", "ACTIVE").await;
            }
            let mut filters = vec![json!({"Type": "AT_LATEST"}), json!({"Type": "AT_TRIM_HORIZON"})];
            filters.extend(asked.into_iter().map(|offset| {
                json!({"Type": "AT_TIMESTAMP", "Timestamp": seconds(Timestamp(world::START + offset))})
            }));
            filters.push(json!({"Type": "AT_TIMESTAMP", "Timestamp": seconds(world.clock.now())}));
            for filter in filters {
                let shards = world.shards("s", filter.clone(), page).await;
                assert!(is_exact_cover(&shards), "{filter}: {shards:?}");
            }
        });
    }
}

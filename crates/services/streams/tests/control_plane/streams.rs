//! Streams are created, described, listed and deleted.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::json;

use crate::world::{self, World, caller, settings};

#[tokio::test]
async fn a_stream_goes_through_its_states() {
    let world = world::with(settings(Profile::Open, Duration::from_millis(30))).await;
    world
        .ok(
            "CreateStream",
            json!({"StreamName": "s", "ShardCount": 2, "MaxRecordSizeInKiB": 2048}),
        )
        .await;
    let answer = world.ok("DescribeStream", json!({"StreamName": "s"})).await;
    assert_eq!(answer["StreamDescription"]["StreamStatus"], "CREATING");
    assert_eq!(answer["StreamDescription"]["Shards"], json!([]));
    let refused = world
        .refused(
            "SplitShard",
            json!({"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "5"}),
        )
        .await;
    assert_eq!(
        refused,
        "ResourceInUseException: Stream s under account 000000000000 not ACTIVE, instead in state CREATING"
    );
    assert!(world.streams.view(&World::key("s")).is_err());
    // The sleeping worker may not have gone to sleep yet.
    let moving = async {
        loop {
            world.clock.advance(Duration::from_millis(30));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = world.reaches("s", "ACTIVE") => {}
        () = moving => {}
    }
    let answer = world.ok("DescribeStream", json!({"StreamName": "s"})).await;
    let stream = &answer["StreamDescription"];
    assert_eq!(
        stream["StreamARN"],
        "arn:aws:kinesis:us-east-1:000000000000:stream/s"
    );
    assert_eq!(stream["RetentionPeriodHours"], 24);
    assert_eq!(stream["EncryptionType"], "NONE");
    assert_eq!(stream["EnhancedMonitoring"], json!([{"ShardLevelMetrics": []}]));
    assert_eq!(stream["StreamModeDetails"]["StreamMode"], "PROVISIONED");
    assert_eq!(stream["StreamCreationTimestamp"], 1_700_000_000);
    assert_eq!(
        stream["Shards"][1]["HashKeyRange"]["StartingHashKey"],
        "170141183460469231731687303715884105728"
    );
    let range = &stream["Shards"][0]["SequenceNumberRange"];
    assert_eq!(range["StartingSequenceNumber"].as_str().unwrap().len(), 56);
    assert!(range.get("EndingSequenceNumber").is_none(), "{range}");
    let view = world.streams.view(&World::key("s")).unwrap();
    assert_eq!((view.record_bytes_max, view.shards().len()), (2048 * 1024, 2));
}

#[tokio::test]
async fn a_summary_never_has_a_stream_id() {
    let world = world::open(Profile::Open).await;
    world.active("s", 3).await;
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    let answer = world.ok("DescribeStreamSummary", json!({"StreamARN": arn})).await;
    let summary = &answer["StreamDescriptionSummary"];
    assert_eq!(
        (&summary["OpenShardCount"], &summary["ConsumerCount"]),
        (&json!(3), &json!(0))
    );
    assert!(summary.get("StreamId").is_none());
    let refused = world
        .refused(
            "DescribeStreamSummary",
            json!({"StreamId": "abcdefghijklmnopqrst-abc"}),
        )
        .await;
    assert!(
        refused.starts_with("InvalidArgumentException: StreamId is not supported"),
        "{refused}"
    );
}

#[tokio::test]
async fn on_demand_starts_with_four_shards_and_is_not_resharded() {
    let world = world::open(Profile::Open).await;
    let body = json!({"StreamName": "d", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    world.ok("CreateStream", body).await;
    world.reaches("d", "ACTIVE").await;
    assert_eq!(world.shards("d", json!(null), 100).await.len(), 4);
    let body = json!({"StreamName": "d", "TargetShardCount": 8, "ScalingType": "UNIFORM_SCALING"});
    assert_eq!(
        world.refused("UpdateShardCount", body).await,
        "ValidationException: Request is invalid. Stream d under account 000000000000 is in On-Demand mode."
    );
}

#[tokio::test]
async fn creation_is_refused_in_words() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    for (body, expected) in [
        (
            json!({"StreamName": "s", "ShardCount": 1}),
            "ResourceInUseException: Stream s under account 000000000000 already exists.",
        ),
        (
            json!({"StreamName": "n"}),
            "ValidationException: ShardCount must be provided",
        ),
        (json!({"StreamName": "n", "ShardCount": 0}), "ValidationException"),
        (
            json!({"StreamName": "a/b", "ShardCount": 1}),
            "ValidationException",
        ),
        (
            json!({"StreamName": "n", "ShardCount": 1, "WarmThroughputMiBps": 4}),
            "ValidationException: WarmThroughput",
        ),
        (
            json!({"StreamName": "n", "ShardCount": 1, "Tags": {"aws:x": "y"}}),
            "InvalidArgumentException: Tag keys",
        ),
        (
            json!({"StreamName": "n", "ShardCount": 10_001}),
            "LimitExceededException: This request would exceed",
        ),
    ] {
        let refused = world.refused("CreateStream", body.clone()).await;
        assert!(refused.starts_with(expected), "{body}: {refused}");
    }
}

#[tokio::test]
async fn names_and_arns_are_held_against_each_other() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let arn =
        |region: &str, account: &str, rest: &str| format!("arn:aws:kinesis:{region}:{account}:stream/{rest}");
    let here = arn("us-east-1", "000000000000", "s");
    world
        .ok("DescribeStream", json!({"StreamARN": here, "StreamName": "s"}))
        .await;
    for (body, expected) in [
        (
            json!({"StreamName": "x"}),
            "ResourceNotFoundException: Stream x under account 000000000000 not found.",
        ),
        (
            json!({}),
            "InvalidArgumentException: Either StreamName or StreamARN",
        ),
        (
            json!({"StreamARN": here, "StreamName": "t"}),
            "InvalidArgumentException",
        ),
        (
            json!({"StreamARN": arn("eu-west-1", "000000000000", "s")}),
            "InvalidArgumentException",
        ),
        (
            json!({"StreamARN": arn("us-east-1", "111111111111", "s")}),
            "AccessDeniedException",
        ),
        (
            json!({"StreamARN": arn("us-east-1", "000000000000", "s/consumer/c:1")}),
            "InvalidArgumentException",
        ),
    ] {
        let refused = world.refused("DescribeStream", body.clone()).await;
        assert!(refused.starts_with(expected), "{body}: {refused}");
    }
}

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    for other in [
        caller("111111111111", world::REGION),
        caller(world::ACCOUNT, "eu-west-1"),
    ] {
        let answer = world.call_as(&other, "ListStreams", json!({})).await.unwrap();
        assert_eq!(answer["StreamNames"], json!([]));
        let error = world
            .call_as(&other, "DescribeStream", json!({"StreamName": "s"}))
            .await
            .unwrap_err();
        assert_eq!(error.code, "ResourceNotFoundException");
        world
            .call_as(
                &other,
                "CreateStream",
                json!({"StreamName": "s", "ShardCount": 1}),
            )
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn streams_are_listed_in_pages_by_name_and_by_token() {
    let world = world::open(Profile::Open).await;
    for i in 0..7 {
        world.active(&format!("s{i}"), 1).await;
    }
    let first = world.ok("ListStreams", json!({"Limit": 3})).await;
    assert_eq!(first["StreamNames"], json!(["s0", "s1", "s2"]));
    assert_eq!(first["HasMoreStreams"], true);
    assert_eq!(first["StreamSummaries"][2]["StreamStatus"], "ACTIVE");
    let by_name = world
        .ok(
            "ListStreams",
            json!({"Limit": 4, "ExclusiveStartStreamName": "s2"}),
        )
        .await;
    let by_token = world
        .ok(
            "ListStreams",
            json!({"Limit": 4, "NextToken": first["NextToken"]}),
        )
        .await;
    assert_eq!(by_name, by_token);
    assert_eq!(by_name["StreamNames"], json!(["s3", "s4", "s5", "s6"]));
    assert_eq!(
        (&by_name["HasMoreStreams"], by_name.get("NextToken")),
        (&json!(false), None)
    );
    let foreign = world
        .call_as(
            &caller("111111111111", world::REGION),
            "ListStreams",
            json!({"NextToken": first["NextToken"]}),
        )
        .await;
    assert_eq!(foreign.unwrap_err().message, "NextToken is invalid.");
    world.clock.advance(Duration::from_secs(301));
    let refused = world
        .refused("ListStreams", json!({"NextToken": first["NextToken"]}))
        .await;
    assert!(refused.starts_with("ExpiredNextTokenException"), "{refused}");
}

#[tokio::test]
async fn a_stream_is_deleted_with_its_logs() {
    let world = world::open(Profile::Open).await;
    world.active("s", 3).await;
    let logs = world.logs("s");
    assert!(logs.iter().all(|log| world.log.tail(log.id()).is_ok()));
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    world
        .ok(
            "RegisterStreamConsumer",
            json!({"StreamARN": arn, "ConsumerName": "c"}),
        )
        .await;
    let refused = world.refused("DeleteStream", json!({"StreamName": "s"})).await;
    assert!(refused.starts_with("ResourceInUseException"), "{refused}");
    world
        .ok(
            "DeleteStream",
            json!({"StreamName": "s", "EnforceConsumerDeletion": true}),
        )
        .await;
    world.reaches("s", "ResourceNotFoundException").await;
    assert!(logs.iter().all(|log| world.log.tail(log.id()).is_err()));
    world.active("s", 1).await;
    assert!(!logs.contains(&world.logs("s")[0]));
}

#[tokio::test]
async fn limits_are_described() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 3).await;
    let answer = world.ok("DescribeLimits", json!({})).await;
    assert_eq!(
        (&answer["ShardLimit"], &answer["OpenShardCount"]),
        (&json!(500), &json!(3))
    );
    assert_eq!(
        (
            &answer["OnDemandStreamCount"],
            &answer["OnDemandStreamCountLimit"]
        ),
        (&json!(0), &json!(50))
    );
}

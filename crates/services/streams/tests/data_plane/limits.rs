//! A shard's throughput under profile `aws`, and none under `open`.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{
    BOTH, FIRST, asking, b64, consumer, drain, get, horizon, iterator, ok_in, put, subscribe,
};
use crate::world;

const THROTTLED: &str = "ProvisionedThroughputExceededException";

fn many(count: usize, key: &str, data: &str) -> Value {
    let record = json!({"Data": b64(data), "PartitionKey": key});
    json!({"StreamName": "s", "Records": vec![record; count]})
}

#[tokio::test]
async fn each_record_is_throttled_for_itself() {
    for codec in BOTH {
        let world = world::open(Profile::Aws).await;
        world.active("s", 2).await;
        // Both keys lead to the first shard; 1,000 records a second are its throughput.
        for key in ["a", "a"] {
            let answer = ok_in(&world, codec, "PutRecords", many(480, key, "x")).await;
            assert_eq!(answer["FailedRecordCount"], 0);
        }
        let mut mixed = many(100, "a", "x");
        mixed["Records"][50]["PartitionKey"] = json!("b");
        let answer = ok_in(&world, codec, "PutRecords", mixed).await;
        assert_eq!(answer["FailedRecordCount"], 100 - 1 - 40);
        let results = answer["Records"].as_array().unwrap();
        assert_eq!(results.len(), 100);
        assert!(results[..40].iter().all(|result| result["ShardId"] == FIRST));
        assert_eq!(results[50]["ShardId"], "shardId-000000000001");
        assert_eq!(
            results[99],
            json!({"ErrorCode": THROTTLED, "ErrorMessage":
                "Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000."})
        );
        let one = json!({"StreamName": "s", "Data": "", "PartitionKey": "a"});
        assert_eq!(
            world.refused("PutRecord", one.clone()).await,
            format!(
                "{THROTTLED}: Rate exceeded for shard shardId-000000000000 in stream s under account 000000000000."
            )
        );
        assert_eq!(
            drain(&world, FIRST).await.len(),
            1000,
            "what was refused is not stored"
        );
        let metrics = world.streams.metrics();
        assert_eq!(
            (metrics.write_throttled.get(), metrics.failed_records.get()),
            (60, 59)
        );
        world.clock.advance(Duration::from_millis(1));
        ok_in(&world, codec, "PutRecord", one).await;
    }
}

#[tokio::test]
async fn bytes_are_limited_with_a_burst_for_large_records() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 1).await;
    let quarter = "x".repeat((1 << 18) - 1);
    let answer = world.ok("PutRecords", many(6, "a", &quarter)).await;
    assert_eq!(answer["FailedRecordCount"], 2);
    world.clock.advance(Duration::from_millis(250));
    let answer = world.ok("PutRecords", many(6, "a", &quarter)).await;
    assert_eq!(answer["FailedRecordCount"], 5);
}

#[tokio::test]
async fn a_shard_is_read_five_times_a_second() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 1).await;
    put(&world, "k", &["a"]).await;
    let from = iterator(&world, FIRST, horizon()).await;
    for _ in 0..5 {
        get(&world, &from).await;
    }
    let body = json!({"ShardIterator": from});
    assert_eq!(
        world.refused("GetRecords", body.clone()).await,
        format!("{THROTTLED}: Rate exceeded for Shard - 000000000000/s/shardId-000000000000")
    );
    world.clock.advance(Duration::from_millis(200));
    get(&world, &from).await;
    assert!(world.call("GetRecords", body).await.is_err());
    assert_eq!(world.streams.metrics().read_throttled.get(), 2);
}

#[tokio::test]
async fn a_large_answer_closes_the_shard_for_a_while() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 1).await;
    let big = "x".repeat((1 << 20) - 1);
    for _ in 0..6 {
        put(&world, "k", &[&big]).await;
        world.clock.advance(Duration::from_secs(1));
    }
    let from = iterator(&world, FIRST, horizon()).await;
    assert_eq!(get(&world, &from).await["Records"].as_array().unwrap().len(), 6);
    let body = json!({"ShardIterator": from});
    // Six MiB at two a second, of which a full bucket paid two.
    for _ in 0..2 {
        world.clock.advance(Duration::from_millis(990));
        assert!(
            world
                .refused("GetRecords", body.clone())
                .await
                .starts_with(THROTTLED)
        );
    }
    world.clock.advance(Duration::from_millis(30));
    get(&world, &from).await;
}

#[tokio::test]
async fn iterators_and_subscriptions_have_their_rates() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 2).await;
    for _ in 0..5 {
        iterator(&world, FIRST, horizon()).await;
    }
    assert!(
        world
            .refused("GetShardIterator", asking(FIRST, &horizon()))
            .await
            .starts_with(THROTTLED)
    );
    iterator(&world, "shardId-000000000001", horizon()).await;
    let arn = consumer(&world, "c").await;
    let latest = json!({"Type": "LATEST"});
    let first = subscribe(&world, &arn, FIRST, latest.clone()).await.unwrap();
    let refusal = subscribe(&world, &arn, FIRST, latest.clone())
        .await
        .err()
        .unwrap();
    assert_eq!(refusal.code, "ResourceInUseException");
    drop(first);
    let refusal = subscribe(&world, &arn, FIRST, latest.clone())
        .await
        .err()
        .unwrap();
    assert_eq!(refusal.code, "LimitExceededException");
    world.clock.advance(Duration::from_secs(1));
    subscribe(&world, &arn, FIRST, latest).await.unwrap();
}

#[tokio::test]
async fn the_open_profile_has_none() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    for _ in 0..5 {
        let answer = world.ok("PutRecords", many(500, "a", &"x".repeat(4000))).await;
        assert_eq!(answer["FailedRecordCount"], 0);
    }
    for _ in 0..20 {
        let from = iterator(&world, FIRST, horizon()).await;
        get(&world, &from).await;
    }
}

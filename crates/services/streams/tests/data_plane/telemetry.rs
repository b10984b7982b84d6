//! The metrics of streams, consumers and shards, as they are drained.

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_streams::{Profile, Statistics};
use serde_json::json;

use crate::plane::{self, ARN, FIRST, b64, consumer, get, horizon, iterator, subscribe};
use crate::world::{self, World, settings};

/// `StreamName=s IncomingBytes` and so on.
fn drained(world: &World) -> BTreeMap<String, Statistics> {
    let mut all = BTreeMap::new();
    world.streams.drain_metrics(&mut |sample| {
        assert_eq!((sample.account, sample.region), (world::ACCOUNT, world::REGION));
        let dimensions = sample
            .dimensions
            .iter()
            .map(|(name, value)| format!("{name}={value} "));
        let name: String = dimensions.chain([sample.name.to_owned()]).collect();
        assert!(all.insert(name, sample.statistics).is_none(), "{sample:?}");
    });
    all
}

fn of(all: &BTreeMap<String, Statistics>, name: &str) -> [f64; 4] {
    let s = all
        .get(&format!("StreamName=s {name}"))
        .unwrap_or_else(|| panic!("{name}: {all:#?}"));
    [s.count, s.sum, s.min, s.max]
}

#[tokio::test]
async fn puts_and_gets_are_counted_by_the_call() {
    let world = world::open(Profile::Open).await;
    world.active("s", 2).await;
    assert!(drained(&world).is_empty(), "nobody called");
    // Keys of one byte: nine bytes, and two and three.
    plane::put(&world, "k", &["12345678"]).await;
    plane::put(&world, "k", &["1", "12"]).await;
    let one = json!({"StreamName": "s", "Data": b64("abcd"), "PartitionKey": "k"});
    world.ok("PutRecord", one).await;
    let next = iterator(&world, FIRST, horizon()).await;
    let records = get(&world, &next).await["Records"].as_array().unwrap().len() as f64;
    let all = drained(&world);
    assert_eq!(of(&all, "PutRecords.Bytes"), [2.0, 14.0, 5.0, 9.0]);
    assert_eq!(of(&all, "PutRecords.Records"), [2.0, 3.0, 1.0, 2.0]);
    assert_eq!(of(&all, "PutRecords.TotalRecords"), [2.0, 3.0, 1.0, 2.0]);
    assert_eq!(of(&all, "PutRecords.SuccessfulRecords"), [2.0, 3.0, 1.0, 2.0]);
    assert_eq!(of(&all, "PutRecords.FailedRecords"), [2.0, 0.0, 0.0, 0.0]);
    assert_eq!(of(&all, "PutRecords.ThrottledRecords"), [2.0, 0.0, 0.0, 0.0]);
    assert_eq!(of(&all, "PutRecords.Success"), [2.0, 2.0, 1.0, 1.0]);
    assert_eq!(of(&all, "PutRecord.Bytes"), [1.0, 5.0, 5.0, 5.0]);
    assert_eq!(of(&all, "PutRecord.Success"), [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(of(&all, "IncomingBytes"), [3.0, 19.0, 5.0, 9.0]);
    assert_eq!(of(&all, "IncomingRecords"), [3.0, 4.0, 1.0, 2.0]);
    assert_eq!(
        of(&all, "WriteProvisionedThroughputExceeded"),
        [3.0, 0.0, 0.0, 0.0]
    );
    assert_eq!(of(&all, "GetRecords.Records"), [1.0, records, records, records]);
    assert_eq!(of(&all, "GetRecords.Success"), [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(
        of(&all, "GetRecords.IteratorAgeMilliseconds"),
        [1.0, 0.0, 0.0, 0.0]
    );
    assert_eq!(
        of(&all, "ReadProvisionedThroughputExceeded"),
        [1.0, 0.0, 0.0, 0.0]
    );
    for latency in ["PutRecord.Latency", "PutRecords.Latency", "GetRecords.Latency"] {
        assert!(of(&all, latency)[0] >= 1.0);
    }
    assert_eq!(all.len(), 21, "{all:#?}");
    assert!(drained(&world).is_empty(), "everything was taken");
}

#[tokio::test]
async fn what_is_throttled_is_counted() {
    let world = world::with(settings(Profile::Aws, Duration::ZERO)).await;
    world.active("s", 1).await;
    let large = json!({"Data": b64(vec![0; 700 << 10]), "PartitionKey": "k"});
    let body = json!({"StreamName": "s", "Records": [large, large]});
    let answer = world.ok("PutRecords", body).await;
    assert_eq!(answer["FailedRecordCount"], 1);
    let mut one = large;
    one["StreamName"] = json!("s");
    assert!(
        world
            .refused("PutRecord", one)
            .await
            .starts_with("ProvisionedThroughputExceeded")
    );
    let next = iterator(&world, FIRST, horizon()).await;
    let mut refused = 0;
    for _ in 0..7 {
        let answer = world.call("GetRecords", json!({"ShardIterator": next})).await;
        refused += u8::from(answer.is_err());
    }
    let all = drained(&world);
    assert_eq!(of(&all, "PutRecords.ThrottledRecords"), [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(of(&all, "PutRecords.SuccessfulRecords"), [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(of(&all, "PutRecords.TotalRecords"), [1.0, 2.0, 2.0, 2.0]);
    assert_eq!(of(&all, "PutRecord.Success"), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        of(&all, "WriteProvisionedThroughputExceeded"),
        [2.0, 2.0, 1.0, 1.0]
    );
    assert!(
        !all.contains_key("StreamName=s PutRecord.Bytes"),
        "nothing was stored"
    );
    assert!(refused > 0);
    assert_eq!(
        of(&all, "ReadProvisionedThroughputExceeded"),
        [7.0, f64::from(refused), 0.0, 1.0]
    );
    assert_eq!(
        of(&all, "GetRecords.Success"),
        [7.0, f64::from(7 - refused), 0.0, 1.0]
    );
}

#[tokio::test]
async fn a_change_of_the_stream_loses_nothing() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    plane::put(&world, "k", &["1"]).await;
    let tags = json!({"StreamName": "s", "Tags": {"a": "b"}});
    world.ok("AddTagsToStream", tags).await;
    plane::put(&world, "k", &["1"]).await;
    assert_eq!(of(&drained(&world), "IncomingRecords")[1], 2.0);
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    world.reaches("s", "ResourceNotFoundException").await;
    assert!(drained(&world).is_empty());
}

#[tokio::test]
async fn consumers_have_metrics_of_their_own() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    plane::put(&world, "k", &["12", "345"]).await;
    let arn = consumer(&world, "c").await;
    assert!(arn.starts_with(ARN));
    let mut subscription = subscribe(&world, &arn, FIRST, json!({"Type": "TRIM_HORIZON"}))
        .await
        .unwrap();
    subscription.event().await;
    let again = subscribe(&world, &arn, FIRST, json!({"Type": "TRIM_HORIZON"})).await;
    assert!(again.is_err(), "too soon");
    let all = drained(&world);
    let of = |name: &str| of(&all, &format!("ConsumerName=c {name}"));
    assert_eq!(of("SubscribeToShard.Success"), [2.0, 1.0, 0.0, 1.0]);
    assert_eq!(of("SubscribeToShard.RateExceeded"), [2.0, 1.0, 0.0, 1.0]);
    assert_eq!(of("SubscribeToShardEvent.Success"), [1.0, 1.0, 1.0, 1.0]);
    assert_eq!(of("SubscribeToShardEvent.Records"), [1.0, 2.0, 2.0, 2.0]);
    assert_eq!(of("SubscribeToShardEvent.Bytes"), [1.0, 5.0, 5.0, 5.0]);
    assert_eq!(
        of("SubscribeToShardEvent.MillisBehindLatest"),
        [1.0, 0.0, 0.0, 0.0]
    );
}

#[tokio::test]
async fn shards_have_metrics_where_they_are_switched_on() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let metrics =
        json!({"StreamName": "s", "ShardLevelMetrics": ["IncomingBytes", "IteratorAgeMilliseconds"]});
    world.ok("EnableEnhancedMonitoring", metrics).await;
    world.reaches("s", "ACTIVE").await;
    plane::put(&world, "k", &["12345"]).await;
    let next = iterator(&world, FIRST, horizon()).await;
    get(&world, &next).await;
    let all = drained(&world);
    let shard: BTreeMap<&str, f64> = all
        .iter()
        .filter_map(|(name, s)| {
            Some((
                name.strip_prefix("StreamName=s ShardId=shardId-000000000000 ")?,
                s.sum,
            ))
        })
        .collect();
    assert_eq!(
        shard,
        BTreeMap::from([("IncomingBytes", 6.0), ("IteratorAgeMilliseconds", 0.0)])
    );
    assert!(drained(&world).is_empty());
    // What is printed for Prometheus goes on.
    let mut text = String::new();
    world.streams.write_prometheus(&mut text);
    assert!(
        text.contains("millrace_streams_shard_incoming_bytes_total{"),
        "{text}"
    );
}

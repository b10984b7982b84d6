//! What a stream's settings do to its records.

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{BOTH, b64, drain, get, horizon, iterator, ok_in, put};
use crate::world::{self, World};

async fn auto(world: &World) {
    world
        .ok(
            "CreateStream",
            json!({"StreamName": "s", "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
                "RecordDistributionStrategy": "AUTO"}),
        )
        .await;
    world.reaches("s", "ACTIVE").await;
}

#[tokio::test]
async fn a_stream_that_distributes_itself_needs_no_keys() {
    for codec in BOTH {
        let world = world::open(Profile::Open).await;
        auto(&world).await;
        let mut records = vec![json!({"Data": b64("x")}); 30];
        // What is given does not count, and is kept.
        records.resize(
            40,
            json!({"Data": b64("x"), "PartitionKey": "k", "ExplicitHashKey": "0"}),
        );
        let answer = ok_in(
            &world,
            codec,
            "PutRecords",
            json!({"StreamName": "s", "Records": records}),
        )
        .await;
        assert_eq!(answer["FailedRecordCount"], 0);
        ok_in(
            &world,
            codec,
            "PutRecord",
            json!({"StreamName": "s", "Data": b64("x")}),
        )
        .await;
        let (mut keys, mut count) = (0, 0);
        for shard in 0..4 {
            let read = drain(&world, &format!("shardId-{shard:012}")).await;
            assert!(
                (8..=12).contains(&read.len()),
                "shard {shard} has {} records",
                read.len()
            );
            count += read.len();
            keys += read
                .iter()
                .filter(|record| record.get("PartitionKey") == Some(&json!("k")))
                .count();
            assert!(
                read.iter()
                    .all(|record| record.get("PartitionKey").is_none_or(|key| key == "k"))
            );
        }
        assert_eq!((count, keys), (41, 10));
    }
}

#[tokio::test]
async fn other_streams_need_keys() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let refused = world
        .refused("PutRecord", json!({"StreamName": "s", "Data": b64("x")}))
        .await;
    assert!(refused.starts_with("InvalidArgumentException: "), "{refused}");
}

#[tokio::test]
async fn a_larger_record_fits_once_it_may() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let large = json!({"StreamName": "s", "PartitionKey": "k", "Data": b64("x".repeat(2 << 20))});
    let refused = world.refused("PutRecord", large.clone()).await;
    assert!(refused.starts_with("InvalidArgumentException: "), "{refused}");
    let arn = format!("arn:aws:kinesis:{}:{}:stream/s", world::REGION, world::ACCOUNT);
    world
        .ok(
            "UpdateMaxRecordSize",
            json!({"StreamARN": arn, "MaxRecordSizeInKiB": 3072}),
        )
        .await;
    world.ok("PutRecord", large).await;
}

/// The value of a shard's metric.
fn metric(world: &World, name: &str, shard: u32) -> Option<u64> {
    let mut text = String::new();
    world.streams.write_prometheus(&mut text);
    let labels = format!("stream=\"s\",shard=\"shardId-{shard:012}\"");
    let line = text.lines().find(|line| {
        line.starts_with(&format!("millrace_streams_shard_{name}{{")) && line.contains(&labels)
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn shards_are_counted_where_that_was_asked_for() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 2).await;
    put(&world, "a", &["before"]).await;
    assert_eq!(metric(&world, "incoming_records_total", 0), None);
    let metrics = |names: &[&str]| json!({"StreamName": "s", "ShardLevelMetrics": names});
    world.ok("EnableEnhancedMonitoring", metrics(&["ALL"])).await;
    put(&world, "a", &["one", "three"]).await;
    assert_eq!(metric(&world, "incoming_records_total", 0), Some(2));
    assert_eq!(metric(&world, "incoming_bytes_total", 0), Some(10));
    assert_eq!(
        metric(&world, "incoming_records_total", 1),
        None,
        "nothing came there"
    );
    assert_eq!(
        metric(&world, "iterator_age_milliseconds", 0),
        None,
        "nobody read yet"
    );
    let first = iterator(&world, "shardId-000000000000", horizon()).await;
    get(&world, &first).await;
    assert_eq!(metric(&world, "outgoing_records_total", 0), Some(3));
    assert_eq!(metric(&world, "outgoing_bytes_total", 0), Some(14));
    assert_eq!(metric(&world, "iterator_age_milliseconds", 0), Some(0));
    for _ in 0..4 {
        get(&world, &first).await;
    }
    world.refused("GetRecords", json!({"ShardIterator": first})).await;
    assert_eq!(metric(&world, "read_throttled_calls_total", 0), Some(1));
    let record = json!({"Data": b64("x"), "PartitionKey": "a"});
    let many = json!({"StreamName": "s", "Records": vec![record; 500]});
    let mut failed = 0;
    for _ in 0..3 {
        let answer: Value = world.ok("PutRecords", many.clone()).await;
        failed += answer["FailedRecordCount"].as_u64().unwrap();
    }
    assert!(failed > 0);
    assert_eq!(metric(&world, "write_throttled_records_total", 0), Some(failed));
    world
        .ok("DisableEnhancedMonitoring", metrics(&["IncomingBytes"]))
        .await;
    assert_eq!(metric(&world, "incoming_bytes_total", 0), None);
    assert!(metric(&world, "incoming_records_total", 0).is_some());
}

//! DescribeStreamLoad: what shards do while somebody looks.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{get, horizon, iterator, put};
use crate::world::{self, World};

const FIRST: &str = "shardId-000000000000";

async fn load(world: &World) -> Value {
    world.ok("DescribeStreamLoad", json!({"StreamName": "s"})).await
}

#[tokio::test]
async fn a_look_begins_it_and_the_next_one_tells() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    put(&world, "before", &["x"]).await;
    let first = load(&world).await;
    assert_eq!(first["Shards"], json!([]), "nothing was measured yet");
    assert_eq!(
        (&first["OpenShardCount"], &first["StreamStatus"]),
        (&json!(1), &json!("ACTIVE"))
    );
    put(&world, "hot", &["aa", "aa", "aa"]).await;
    put(&world, "cold", &["b"]).await;
    let from = iterator(&world, FIRST, horizon()).await;
    let asked = json!({"ShardIterator": from, "Limit": 2});
    world.ok("GetRecords", asked).await;
    world.clock.advance(Duration::from_secs(2));
    let told = load(&world).await;
    assert_eq!(told["MeasuredMillis"], 2000);
    let shard = &told["Shards"][0];
    assert_eq!(shard["ShardId"], FIRST);
    // Data and keys come in, data goes out.
    assert_eq!(
        shard["Traffic"],
        json!({"RecordsIn": 4, "BytesIn": 3 * 5 + 5, "RecordsOut": 2, "BytesOut": 3, "PutsThrottled": 0, "ReadsThrottled": 0})
    );
    assert_eq!(told["Total"], shard["Traffic"]);
    assert_eq!(
        shard["HotKeys"],
        json!([
            {"PartitionKey": "hot", "Records": 3, "Of": 4},
            {"PartitionKey": "cold", "Records": 1, "Of": 4},
        ])
    );
    let reader = &shard["Readers"][0];
    assert_eq!(
        (&reader["Name"], &reader["RecordsBehind"]),
        (&json!("GetRecords"), &json!(3))
    );
    assert_eq!(reader["SeenMillisAgo"], 2000);
}

#[tokio::test]
async fn a_reader_at_the_end_is_not_behind() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    load(&world).await;
    put(&world, "k", &["a", "b"]).await;
    let from = iterator(&world, FIRST, horizon()).await;
    get(&world, &from).await;
    let told = load(&world).await;
    let reader = &told["Shards"][0]["Readers"][0];
    assert_eq!(
        (&reader["RecordsBehind"], &reader["MillisBehind"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn the_busiest_shard_comes_first() {
    let world = world::open(Profile::Open).await;
    world.active("s", 4).await;
    load(&world).await;
    put(&world, "little", &["a"]).await;
    put(&world, "much", &["a", "a", "a", "a"]).await;
    let told = load(&world).await;
    let shards = told["Shards"].as_array().unwrap();
    assert_eq!(shards.len(), 2);
    assert_eq!(shards[0]["HotKeys"][0]["PartitionKey"], "much");
    let asked = json!({"StreamName": "s", "MaxShards": 1});
    let one = world.ok("DescribeStreamLoad", asked).await;
    assert_eq!(one["Shards"].as_array().unwrap().len(), 1);
    assert_eq!(one["Total"]["RecordsIn"], 5, "the total is of all shards");
}

#[tokio::test]
async fn throttled_calls_are_told() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 1).await;
    load(&world).await;
    let from = iterator(&world, FIRST, horizon()).await;
    for _ in 0..6 {
        let _ = world.call("GetRecords", json!({"ShardIterator": from})).await;
    }
    let told = load(&world).await;
    assert_eq!(told["Total"]["ReadsThrottled"], 1);
}

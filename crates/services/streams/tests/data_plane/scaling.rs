//! On-demand streams follow their load.

use std::time::Duration;

use millrace_streams::Profile;
use millrace_streams::state::StreamKey;
use serde_json::{Value, json};

use crate::plane::b64;
use crate::world::{self, World};

const TICK: Duration = Duration::from_secs(10);

async fn on_demand(world: &World) {
    world
        .ok(
            "CreateStream",
            json!({"StreamName": "s", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
        )
        .await;
    world.reaches("s", "ACTIVE").await;
}

/// Puts `count` times 500 records under explicit hash keys: a shard is hot after some 15,000 within half a minute.
async fn load(world: &World, count: usize, hash: impl Fn(usize) -> u128) {
    let record =
        |i: usize| json!({"Data": b64("x"), "PartitionKey": "k", "ExplicitHashKey": hash(i).to_string()});
    let records: Vec<Value> = (0..500).map(record).collect();
    let body = json!({"StreamName": "s", "Records": records});
    for _ in 0..count {
        world.ok("PutRecords", body.clone()).await;
    }
}

fn key() -> StreamKey {
    StreamKey::new(world::ACCOUNT, world::REGION, "s")
}

fn open_shards(world: &World) -> u32 {
    world
        .control
        .read(|state| state.stream(&key()).map_or(0, |stream| stream.open_count()))
}

/// Lets the worker look at what came; it looks whenever its ten seconds are over.
async fn tick(world: &World) {
    world.clock.advance(TICK);
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    world.reaches("s", "ACTIVE").await;
}

#[tokio::test]
async fn a_hot_shard_is_split_where_its_load_halves() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    tick(&world).await;
    // All of it below 2^120, deep inside the first of four shards.
    let hash = |i: usize| (i as u128 % 16) << 116;
    load(&world, 50, hash).await;
    world.clock.advance(TICK);
    world
        .until(|state| {
            state
                .stream(&key())
                .is_some_and(|stream| stream.open_count() == 5)
        })
        .await;
    let shards = world.shards("s", json!({"Type": "AT_LATEST"}), 100).await;
    let starts: Vec<u128> = shards
        .iter()
        .map(|shard| {
            shard["HashKeyRange"]["StartingHashKey"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    assert!(starts.contains(&(8 << 116)), "{starts:?}");
    let parents: Vec<&Value> = shards
        .iter()
        .filter_map(|shard| shard.get("ParentShardId"))
        .collect();
    assert_eq!(parents, ["shardId-000000000000", "shardId-000000000000"]);
}

#[tokio::test]
async fn shards_double_in_a_quarter_of_an_hour_at_most_and_cold_ones_are_merged() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    tick(&world).await;
    let hash = |i: usize| (i as u128).wrapping_mul(u128::MAX / 499);
    let mut open = Vec::new();
    for count in [170, 320, 320] {
        load(&world, count, hash).await;
        tick(&world).await;
        open.push(open_shards(&world));
    }
    assert_eq!(open, [8, 8, 8], "double of four");
    world.clock.advance(Duration::from_secs(15 * 60));
    tick(&world).await;
    load(&world, 320, hash).await;
    tick(&world).await;
    assert!(open_shards(&world) > 8);
    for _ in 0..40 {
        world.clock.advance(Duration::from_secs(600));
        tick(&world).await;
    }
    assert_eq!(open_shards(&world), 4, "nothing came for hours");
}

#[tokio::test]
async fn warm_throughput_is_never_merged_away_and_provisioned_streams_stay() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    world
        .ok(
            "UpdateStreamWarmThroughput",
            json!({"StreamName": "s", "WarmThroughputMiBps": 7}),
        )
        .await;
    world.reaches("s", "ACTIVE").await;
    world.active("p", 9).await;
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(600));
        tick(&world).await;
    }
    assert_eq!((open_shards(&world), world.logs("p").len()), (7, 9));
    let refused = world
        .refused(
            "UpdateShardCount",
            json!({"StreamName": "s", "TargetShardCount": 8, "ScalingType": "UNIFORM_SCALING"}),
        )
        .await;
    assert!(refused.starts_with("ValidationException: "), "{refused}");
}

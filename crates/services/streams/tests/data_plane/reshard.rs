//! Writers that never stop while shards are split, merged and scaled: no record is lost, none comes twice, and each
//! key's records keep their order along the lines of descent.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{b64, drain, plain};
use crate::world::{self, World};

const WRITERS: usize = 6;
const KEYS: usize = 5;

/// Puts numbered records of its own keys until told to stop; yields how many of each.
async fn write(world: Arc<World>, writer: usize, stop: Arc<AtomicBool>) -> BTreeMap<String, usize> {
    let mut written = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let mut records = Vec::new();
        for _ in 0..3 {
            for key in 0..KEYS {
                let key = format!("{writer}-{key}");
                let n: &mut usize = written.entry(key.clone()).or_default();
                records.push(json!({"Data": b64(format!("{key} {n}")), "PartitionKey": key}));
                *n += 1;
            }
        }
        let answer = world
            .ok("PutRecords", json!({"StreamName": "s", "Records": records}))
            .await;
        assert_eq!(answer["FailedRecordCount"], 0, "{answer}");
        tokio::task::yield_now().await;
    }
    written
}

/// Splits, merges and scales, `rounds` times.
async fn reshard(world: &World, rounds: usize) {
    for round in 0..rounds {
        let open = json!({"Type": "AT_LATEST"});
        let mut shards = world.shards("s", open, 100).await;
        let bound = |shard: &Value, end: &str| {
            shard["HashKeyRange"][end]
                .as_str()
                .unwrap()
                .parse::<u128>()
                .unwrap()
        };
        shards.sort_by_key(|shard| bound(shard, "StartingHashKey"));
        let at = round * 7 % shards.len();
        match round % 3 {
            0 => {
                let target = if shards.len() > 6 { 3 } else { shards.len() + 2 };
                let body =
                    json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
                world.ok("UpdateShardCount", body).await;
            }
            1 => {
                let (start, end) = (
                    bound(&shards[at], "StartingHashKey"),
                    bound(&shards[at], "EndingHashKey"),
                );
                let middle = (start + (end - start) / 2 + 1).to_string();
                let body = json!({"StreamName": "s", "ShardToSplit": shards[at]["ShardId"], "NewStartingHashKey": middle});
                world.ok("SplitShard", body).await;
            }
            _ => {
                let at = at.min(shards.len() - 2);
                let body = json!({"StreamName": "s", "ShardToMerge": shards[at]["ShardId"],
                    "AdjacentShardToMerge": shards[at + 1]["ShardId"]});
                world.ok("MergeShards", body).await;
            }
        }
        world.reaches("s", "ACTIVE").await;
        world.clock.advance(Duration::from_millis(3));
        // The next round comes when the writers got on.
        let records = &world.streams.metrics().incoming_records;
        let before = records.get();
        while records.get() < before + 100 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_doubled_or_reordered_while_shards_come_and_go() {
    let world = Arc::new(world::open(Profile::Open).await);
    world.active("s", 2).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            #[allow(clippy::disallowed_methods, reason = "a test has no tasks of the product")]
            tokio::spawn(write(Arc::clone(&world), writer, Arc::clone(&stop)))
        })
        .collect();
    tokio::time::timeout(Duration::from_secs(120), reshard(&world, 30))
        .await
        .expect("resharding got stuck");
    let rerouted = world.streams.metrics().rerouted_records.get();
    assert!(
        rerouted > 0,
        "no put ever met a closed shard: the test tests nothing"
    );
    stop.store(true, Ordering::Relaxed);
    let mut written = BTreeMap::new();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }

    // Parents have smaller numbers than their children, so that listing order is an order of descent.
    let shards = world.shards("s", Value::Null, 100).await;
    assert!(shards.len() > 40, "{}", shards.len());
    let mut read: HashMap<String, usize> = HashMap::new();
    let mut last: HashMap<String, String> = HashMap::new();
    for shard in &shards {
        for record in drain(&world, shard["ShardId"].as_str().unwrap()).await {
            let text = plain(&record["Data"]);
            let (key, n) = text.split_once(' ').unwrap();
            assert_eq!(record["PartitionKey"], key);
            let next = read.entry(key.to_owned()).or_default();
            assert_eq!(
                n.parse::<usize>().unwrap(),
                *next,
                "{key} in {}",
                shard["ShardId"]
            );
            *next += 1;
            let number = record["SequenceNumber"].as_str().unwrap().to_owned();
            let before = last.insert(key.to_owned(), number.clone());
            assert!(before < Some(number), "numbers grow along the lines of descent");
        }
    }
    assert_eq!(read.into_iter().collect::<BTreeMap<_, _>>(), written);
}

//! GetRecords.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{BOTH, FIRST, HALF, b64, data, drain, get, horizon, iterator, ok_in, plain, put, split};
use crate::world::{self, World};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn pages_say_how_far_behind_they_are() {
    for codec in BOTH {
        let world = world::open(Profile::Open).await;
        world.active("s", 1).await;
        for text in ["a", "b", "c"] {
            put(&world, "k", &[text]).await;
            world.clock.advance(Duration::from_millis(1500));
        }
        let mut next = iterator(&world, FIRST, horizon()).await;
        for (text, behind) in [("a", 4500), ("b", 3000), ("c", 0)] {
            let body = json!({"ShardIterator": next, "Limit": 1});
            let answer = ok_in(&world, codec, "GetRecords", body).await;
            assert_eq!(data(&answer), [text]);
            assert_eq!(answer["MillisBehindLatest"], behind);
            assert!(answer.get("ChildShards").is_none());
            answer["NextShardIterator"]
                .as_str()
                .unwrap()
                .clone_into(&mut next);
        }
        let answer = get(&world, &next).await;
        assert!(data(&answer).is_empty());
        assert_eq!(answer["MillisBehindLatest"], 0);
        assert!(answer["NextShardIterator"].is_string());
    }
}

#[tokio::test]
async fn only_a_reader_at_the_tip_is_told_zero() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    put(&world, "k", &["a", "b"]).await;
    let mut next = iterator(&world, FIRST, horizon()).await;
    // All within one millisecond.
    for behind in [1, 0] {
        let answer = ok_in(
            &world,
            BOTH[0],
            "GetRecords",
            json!({"ShardIterator": next, "Limit": 1}),
        )
        .await;
        assert_eq!(answer["MillisBehindLatest"], behind);
        answer["NextShardIterator"]
            .as_str()
            .unwrap()
            .clone_into(&mut next);
    }
}

#[tokio::test]
async fn an_answer_holds_ten_mebibytes_at_most() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let big = "x".repeat((1 << 20) - 1);
    for _ in 0..2 {
        put(&world, "k", &[big.as_str(); 6]).await;
    }
    for codec in BOTH {
        let from = iterator(&world, FIRST, horizon()).await;
        let answer = ok_in(&world, codec, "GetRecords", json!({"ShardIterator": from})).await;
        let first = data(&answer);
        assert!((9..=10).contains(&first.len()), "{}", first.len());
        let rest = get(&world, answer["NextShardIterator"].as_str().unwrap()).await;
        assert_eq!(first.len() + data(&rest).len(), 12);
    }
}

#[tokio::test]
async fn limits_beyond_the_model_are_refused() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let from = iterator(&world, FIRST, horizon()).await;
    for (limit, said) in [
        (
            10_001,
            "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000",
        ),
        (
            0,
            "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
    ] {
        let refusal = world
            .refused("GetRecords", json!({"ShardIterator": from, "Limit": limit}))
            .await;
        assert!(refusal.contains(said), "{refusal}");
    }
}

/// What the client libraries check: no next iterator exactly where there are children, each with its parents.
fn end_of(answer: &Value) -> Option<Vec<(String, Vec<String>)>> {
    let children = answer.get("ChildShards").map(|children| {
        let child = |child: &Value| {
            let parents = child["ParentShards"].as_array().unwrap();
            assert!(child["HashKeyRange"]["EndingHashKey"].is_string());
            (
                child["ShardId"].as_str().unwrap().to_owned(),
                parents
                    .iter()
                    .map(|parent| parent.as_str().unwrap().to_owned())
                    .collect(),
            )
        };
        children.as_array().unwrap().iter().map(child).collect::<Vec<_>>()
    });
    assert_eq!(
        answer.get("NextShardIterator").is_none(),
        children.as_ref().is_some_and(|children| !children.is_empty()),
        "{answer}"
    );
    children
}

async fn get_end(world: &World, shard: &str) -> Option<Vec<(String, Vec<String>)>> {
    end_of(
        &get(
            world,
            &iterator(world, shard, json!({"ShardIteratorType": "LATEST"})).await,
        )
        .await,
    )
}

#[tokio::test]
async fn a_closed_shard_ends_with_its_children() {
    for codec in BOTH {
        let world = world::open(Profile::Open).await;
        world.active("s", 1).await;
        put(&world, "k", &["a", "b"]).await;
        let open = iterator(&world, FIRST, json!({"ShardIteratorType": "LATEST"})).await;
        split(&world, FIRST, HALF).await;
        let id = |n: u32| format!("shardId-{n:012}");
        let from = iterator(&world, FIRST, horizon()).await;
        let body = json!({"ShardIterator": from, "Limit": 1});
        let answer = ok_in(&world, codec, "GetRecords", body).await;
        assert_eq!(data(&answer), ["a"]);
        assert_eq!(end_of(&answer), None);
        let next = answer["NextShardIterator"].as_str().unwrap();
        let answer = ok_in(&world, codec, "GetRecords", json!({"ShardIterator": next})).await;
        assert_eq!(data(&answer), ["b"], "the last records and the end come together");
        let children = vec![(id(1), vec![id(0)]), (id(2), vec![id(0)])];
        assert_eq!(end_of(&answer), Some(children.clone()));
        let answer = ok_in(&world, codec, "GetRecords", json!({"ShardIterator": open})).await;
        assert_eq!(
            end_of(&answer),
            Some(children),
            "an iterator from before the split ends too"
        );
        let merge = json!({"StreamName": "s", "ShardToMerge": id(1), "AdjacentShardToMerge": id(2)});
        world.ok("MergeShards", merge).await;
        world.reaches("s", "ACTIVE").await;
        for parent in [1, 2] {
            let end = get_end(&world, &id(parent)).await;
            assert_eq!(end, Some(vec![(id(3), vec![id(1), id(2)])]));
        }
        assert_eq!(get_end(&world, &id(3)).await, None);
    }
}

#[tokio::test]
async fn records_are_gone_when_retention_says_so() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let old = put(&world, "k", &["old"]).await.remove(0);
    world.clock.advance(10 * HOUR);
    put(&world, "k", &["new"]).await;
    // Retention is looked after in the background; what readers see does not depend on when.
    world.clock.advance(14 * HOUR + Duration::from_millis(1));
    for more in [
        horizon(),
        json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": old}),
        json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1.0}),
    ] {
        let from = iterator(&world, FIRST, more).await;
        assert_eq!(data(&get(&world, &from).await), ["new"]);
    }
}

#[tokio::test]
async fn reading_takes_nothing_away_and_counts() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    put(&world, "k", &["abc", "de"]).await;
    let from = iterator(&world, FIRST, horizon()).await;
    for _ in 0..3 {
        assert_eq!(get(&world, &from).await["Records"].as_array().unwrap().len(), 2);
    }
    let metrics = world.streams.metrics();
    assert_eq!(
        (metrics.outgoing_records.get(), metrics.outgoing_bytes.get()),
        (6, 15)
    );
    assert_eq!(
        (metrics.incoming_records.get(), metrics.incoming_bytes.get()),
        (2, 7)
    );
    let body = json!({"ShardIterator": from, "DryRun": true});
    assert!(
        world
            .refused("GetRecords", body)
            .await
            .starts_with("DryRunOperationException")
    );
    let body = json!({"StreamName": "s", "Data": b64("f"), "PartitionKey": "k"});
    world.ok("PutRecord", body).await;
    assert_eq!(data(&get(&world, &from).await), ["abc", "de", "f"]);
}

/// Found by the simulation: the stream's time came from the control log, which had seen the later time, and hid its own
/// records from readers until the clock had caught up.
#[tokio::test]
async fn a_clock_that_is_set_back_hides_no_record() {
    let world = world::open(Profile::Open).await;
    world.active("other", 1).await;
    world.clock.set_back(Duration::from_secs(77));
    world.active("s", 1).await;
    put(&world, "key", &["one", "two"]).await;
    let all = drain(&world, FIRST).await;
    let all: Vec<String> = all.iter().map(|record| plain(&record["Data"])).collect();
    assert_eq!(all, ["one", "two"]);
}

//! Where a queue starts, and that it follows the stream through splits and merges.

use std::time::Duration;

use millrace_streams::Profile;
use millrace_streams::limits::Quotas;
use millrace_streams::state::{Command, ReshardRequest, ShardIndex};
use serde_json::{Value, json};

use crate::shelf::{
    acknowledge, creating, describe, horizon, meanwhile, now, put, queue, receive_all, settle, stream,
    stream_key, texts,
};
use crate::world::{self, World};

/// Splits the first open shard in its middle and merges the last two.
async fn reshard(world: &World) {
    let stream = world
        .control
        .read(|state| state.stream(&stream_key()).unwrap().clone());
    let mut open: Vec<_> = stream.open_shards().copied().collect();
    open.sort_by_key(|shard| shard.range.start);
    let first = open[0];
    let [.., a, b] = open.as_slice() else { panic!() };
    let request = ReshardRequest::Scale {
        uid: stream.uid,
        splits: vec![(first.index, first.range.middle().to_string())],
        merges: vec![(a.index, b.index)],
    };
    let command = Command::Reshard {
        key: stream_key(),
        request,
        quotas: Quotas::of(Profile::Open, world::REGION),
    };
    world.control.propose(command).await.unwrap().unwrap();
    world.reaches("s", "ACTIVE").await;
}

fn many(prefix: &str) -> Vec<String> {
    (0..40).map(|i| format!("{prefix}{i:02}")).collect()
}

async fn put_all(world: &World, texts: &[String]) {
    put(world, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn the_three_positions() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let made = now(&world);
    put(&world, &["old"]).await;
    world.clock.advance(Duration::from_secs(10));
    let middle = now(&world);
    put(&world, &["mid"]).await;
    world.clock.advance(Duration::from_secs(10));
    let at = json!({"Type": "AT_TIMESTAMP", "Timestamp": middle});
    let early = json!({"Type": "AT_TIMESTAMP", "Timestamp": 5});
    let cases = [
        (json!({"Type": "LATEST"}), now(&world), &["new"][..]),
        (at, middle.clone(), &["mid", "new"]),
        (early, made.clone(), &["mid", "new", "old"]),
        (horizon(), made, &["mid", "new", "old"]),
    ];
    let mut arns = Vec::new();
    for (i, (position, effective, expected)) in cases.iter().enumerate() {
        let answer = world
            .ok("CreateQueue", creating(&format!("q{i}"), position, &Value::Null))
            .await;
        // What is put as soon as the call is answered is delivered, however long the queue is being created.
        let arn = answer["QueueDescription"]["QueueARN"]
            .as_str()
            .unwrap()
            .to_owned();
        arns.push((arn, position["Type"].clone(), effective.clone(), *expected));
    }
    put(&world, &["new"]).await;
    for (arn, kind, effective, expected) in arns {
        crate::shelf::becomes(&world, &arn, "ACTIVE").await;
        let position = describe(&world, &arn).await["StreamConfigurationList"][0]["StartingPosition"].clone();
        assert_eq!(position, json!({"Type": kind, "Timestamp": effective}));
        assert_eq!(texts(&receive_all(&world, &arn).await), expected);
    }
}

#[tokio::test]
async fn nothing_is_lost_when_shards_are_split_and_merged() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let before = many("a");
    put_all(&world, &before).await;
    reshard(&world).await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    let from_horizon = creating("all", &horizon(), &Value::Null);
    let all = world.ok("CreateQueue", from_horizon).await["QueueDescription"]["QueueARN"].clone();
    let all = all.as_str().unwrap();
    crate::shelf::becomes(&world, all, "ACTIVE").await;
    let mut expected = Vec::new();
    for prefix in ["b", "c", "d"] {
        let texts = many(prefix);
        put_all(&world, &texts).await;
        expected.extend(texts);
        reshard(&world).await;
        settle().await;
    }
    let records = receive_all(&world, &arn).await;
    assert_eq!(
        texts(&records),
        expected,
        "from its creation on, through every shard"
    );
    acknowledge(&world, &arn, &records).await;
    let records = receive_all(&world, all).await;
    assert_eq!(texts(&records), [before, expected].concat());
}

#[tokio::test]
async fn a_receiver_that_waits_hears_of_new_shards() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    let shards = |world: &World| {
        world
            .control
            .read(|state| state.stream(&stream_key()).unwrap().shards.len())
    };
    let known = shards(&world);
    let waiting = world.ok(
        "ReceiveQueueRecords",
        json!({"QueueARN": arn, "WaitTimeSeconds": 20}),
    );
    let answer = meanwhile(waiting, async {
        settle().await;
        reshard(&world).await;
        assert!(shards(&world) > known);
        settle().await;
        let newest = world.control.read(|state| {
            let stream = state.stream(&stream_key()).unwrap();
            let born = |index: &ShardIndex| stream.shards[index].range.start;
            stream.shards.keys().max().map(born).unwrap()
        });
        let body = json!({
            "StreamName": "s", "Data": "aGVsbG8=", "PartitionKey": "k", "ExplicitHashKey": newest.to_string()
        });
        world.ok("PutRecord", body).await;
    })
    .await;
    assert_eq!(texts(answer["QueueRecords"].as_array().unwrap()), ["hello"]);
}

//! What a queue does when there is too much.

use std::time::Duration;

use base64_simd::STANDARD;
use millrace_log::Batch;
use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::shelf::{after, horizon, log_of, put, queue, receive, stream};
use crate::world::{self, World};

#[tokio::test]
async fn an_answer_is_bounded_in_bytes_and_the_rest_comes_next() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    world
        .ok(
            "UpdateMaxRecordSize",
            json!({"StreamARN": crate::shelf::ARN, "MaxRecordSizeInKiB": 10_240}),
        )
        .await;
    let sizes = [4 << 20, 4 << 20, 4 << 20, 9 << 20];
    for size in sizes {
        let data = STANDARD.encode_to_string(vec![b'x'; size]);
        let body = json!({"StreamName": "s", "Data": data, "PartitionKey": "k"});
        world.ok("PutRecord", body).await;
    }
    let mut seen = Vec::new();
    for expected in [&[4 << 20, 4 << 20][..], &[4 << 20], &[9 << 20]] {
        let records = receive(&world, &arn).await;
        let length = |record: &Value| {
            STANDARD
                .decode_to_vec(record["Data"].as_str().unwrap())
                .unwrap()
                .len()
        };
        assert_eq!(records.iter().map(length).collect::<Vec<_>>(), expected);
        // What was given back does not count as received.
        assert!(
            records.iter().all(|record| record["ReceiveCount"] == 1),
            "{:?}",
            records[0]["ReceiveCount"]
        );
        seen.extend(records);
    }
    assert_eq!(seen.len(), sizes.len());
    assert_eq!(receive(&world, &arn).await, Vec::<Value>::new());
}

/// Has the queue hand out `count` records of a shard that the stream does not have.
async fn hand_out(world: &World, arn: &str, count: u64, visibility_ms: u64, max_receives: Option<u32>) {
    let command = json!({
        "max_receives": max_receives,
        "action": {"receive": {
            "limit": count,
            "visibility_ms": visibility_ms,
            "offers": [{"shard": 99, "start": 0, "end": u64::MAX}],
        }},
    });
    let record = millrace_control::command::encode(1, [9; 16], 0, &command).unwrap();
    world
        .log
        .append(log_of(world, arn), Batch::of(&[record]))
        .await
        .unwrap();
    crate::shelf::settle().await;
}

async fn refusal(world: &World, arn: &str) -> Result<Value, String> {
    let body = json!({"QueueARN": arn, "WaitTimeSeconds": 1});
    let call = world.call("ReceiveQueueRecords", body);
    let answer = after(world, Duration::from_secs(1), call).await;
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_full_queue_says_what_it_is_full_of() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let arn = queue(
        &world,
        horizon(),
        json!({"DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 1}}),
    )
    .await;
    hand_out(&world, &arn, 130_000, 10_000, Some(1)).await;
    // With nothing in the stream there is nothing to complain of.
    assert_eq!(refusal(&world, &arn).await, Ok(json!({"QueueRecords": []})));
    put(&world, &["a"]).await;
    let refused = refusal(&world, &arn).await.unwrap_err();
    assert!(
        refused.starts_with("ThrottlingException") && refused.contains("120000 records in flight"),
        "{refused}"
    );
    // They become dead letters: there is room again, until all that can be remembered is.
    world.clock.advance(Duration::from_secs(10));
    hand_out(&world, &arn, 130_000, 10_000, Some(1)).await;
    world.clock.advance(Duration::from_secs(10));
    let refused = refusal(&world, &arn).await.unwrap_err();
    assert!(
        refused.starts_with("ThrottlingException") && refused.contains("dead-letter records"),
        "{refused}"
    );
}

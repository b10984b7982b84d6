//! Each entry of a request has its own result.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::shelf::{acknowledge, handle, horizon, put, queue, receive, stream, take, texts};
use crate::world::{self, World};

async fn open() -> (World, String) {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    put(&world, &["a", "b", "c"]).await;
    let attributes = json!({"DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 2}});
    let arn = queue(&world, horizon(), attributes).await;
    (world, arn)
}

#[tokio::test]
async fn good_and_bad_entries_are_told_apart() {
    let (world, arn) = open().await;
    let records = receive(&world, &arn).await;
    let handles = [
        handle(&records[0]),
        "nonsense",
        handle(&records[1]),
        handle(&records[0]),
    ];
    let entries: Vec<Value> = handles
        .iter()
        .map(|handle| json!({"ReceiptHandle": handle}))
        .collect();
    let answer = world
        .ok(
            "AcknowledgeQueueRecords",
            json!({"QueueARN": arn, "Entries": entries}),
        )
        .await;
    let done: Vec<&str> = answer["Successful"]
        .as_array()
        .unwrap()
        .iter()
        .map(handle)
        .collect();
    assert_eq!(
        done,
        [handles[0], handles[2], handles[0]],
        "in their order; twice is no mistake"
    );
    assert_eq!(
        answer["Failed"],
        json!([{
            "ReceiptHandle": "nonsense",
            "ErrorCode": "InvalidArgumentException",
            "ErrorMessage": "The receipt handle is invalid.",
        }])
    );
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(texts(&receive(&world, &arn).await), texts(&records[2..]));
    // Nothing but bad entries.
    let entries = json!([{"ReceiptHandle": "nonsense"}]);
    let answer = world
        .ok(
            "AcknowledgeQueueRecords",
            json!({"QueueARN": arn, "Entries": entries}),
        )
        .await;
    assert_eq!(
        (&answer["Successful"], answer["Failed"].as_array().unwrap().len()),
        (&json!([]), 1)
    );
    for entries in [json!([]), json!(vec![json!({"ReceiptHandle": "x"}); 11])] {
        let refused = world
            .refused(
                "AcknowledgeQueueRecords",
                json!({"QueueARN": arn, "Entries": entries}),
            )
            .await;
        assert!(refused.starts_with("ValidationException"), "{refused}");
    }
}

#[tokio::test]
async fn visibility_is_extended_and_ended() {
    let (world, arn) = open().await;
    let records = receive(&world, &arn).await;
    let entry = |record: &Value, secs: u32| json!({"ReceiptHandle": record["ReceiptHandle"], "VisibilityTimeoutSeconds": secs});
    let hide = async |entries: Value| {
        let body = json!({"QueueARN": arn, "Entries": entries});
        world.ok("UpdateQueueRecordsVisibility", body).await
    };
    world.clock.advance(Duration::from_secs(20));
    let answer = hide(json!([entry(&records[0], 30), entry(&records[1], 0)])).await;
    assert_eq!(answer["Failed"], json!([]));
    assert_eq!(texts(&receive(&world, &arn).await), texts(&records[1..2]));
    world.clock.advance(Duration::from_secs(20));
    assert_eq!(
        texts(&receive(&world, &arn).await),
        texts(&records[2..]),
        "its first half minute is over"
    );
    let answer = hide(json!([entry(&records[1], 30)])).await;
    let failed = &answer["Failed"][0];
    assert_eq!(failed["ErrorCode"], "InvalidArgumentException");
    assert!(
        failed["ErrorMessage"]
            .as_str()
            .unwrap()
            .contains("received again"),
        "{failed}"
    );
    acknowledge(&world, &arn, &records[..1]).await;
    let answer = hide(json!([entry(&records[0], 30)])).await;
    assert_eq!(answer["Failed"][0]["ErrorCode"], "ResourceNotFoundException");
}

#[tokio::test]
async fn an_old_handle_does_not_acknowledge_what_somebody_else_has() {
    let (world, arn) = open().await;
    let old = receive(&world, &arn).await;
    world.clock.advance(Duration::from_secs(30));
    let new = receive(&world, &arn).await;
    assert_eq!(new.len(), 3);
    let refused = crate::shelf::each(&world, "AcknowledgeQueueRecords", &arn, &old).await;
    assert_eq!(refused.len(), 3);
    assert_eq!(refused[0]["ErrorCode"], "InvalidArgumentException");
    acknowledge(&world, &arn, &new).await;
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(receive(&world, &arn).await, Vec::<Value>::new());
}

#[tokio::test]
async fn handles_of_the_two_families_are_not_mixed() {
    let (world, arn) = open().await;
    let live = take(
        &world,
        "ReceiveQueueRecords",
        &arn,
        json!({"Limit": 1, "VisibilityTimeoutSeconds": 0}),
    )
    .await;
    let _ = take(
        &world,
        "ReceiveQueueRecords",
        &arn,
        json!({"Limit": 1, "VisibilityTimeoutSeconds": 0}),
    )
    .await;
    let dead = take(&world, "ReceiveDeadLetterQueueRecords", &arn, json!({})).await;
    assert_eq!(texts(&dead), texts(&live));
    for (op, record) in [
        ("AcknowledgeQueueRecords", &dead[0]),
        ("UpdateQueueRecordsVisibility", &dead[0]),
        ("AcknowledgeDeadLetterQueueRecords", &live[0]),
        ("UpdateDeadLetterQueueRecordsVisibility", &live[0]),
        ("RestoreDeadLetterQueueRecords", &live[0]),
    ] {
        let entries = json!([{"ReceiptHandle": record["ReceiptHandle"], "VisibilityTimeoutSeconds": 1}]);
        let answer = world.ok(op, json!({"QueueARN": arn, "Entries": entries})).await;
        let message = answer["Failed"][0]["ErrorMessage"].as_str().unwrap();
        assert!(
            message.contains("this operation takes those of"),
            "{op}: {answer}"
        );
    }
}

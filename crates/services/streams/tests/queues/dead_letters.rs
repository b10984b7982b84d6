//! Records that nobody could process.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::shelf::{after, each, horizon, metric, put, queue, receive, stream, take, texts};
use crate::world::{self, World};

const DEAD: &str = "ReceiveDeadLetterQueueRecords";

async fn open(dead_letters: Value) -> (World, String) {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    put(&world, &["a", "b"]).await;
    let arn = queue(
        &world,
        horizon(),
        json!({"DeadLetterConfiguration": dead_letters}),
    )
    .await;
    (world, arn)
}

fn after_receives(count: u32) -> Value {
    json!({"TargetType": "BUILT_IN", "MaxReceiveCount": count})
}

#[tokio::test]
async fn a_record_received_too_often_waits_among_the_dead_letters() {
    let (world, arn) = open(after_receives(2)).await;
    for receives in 1..=2 {
        let records = receive(&world, &arn).await;
        assert_eq!(
            (records.len(), &records[0]["ReceiveCount"]),
            (2, &json!(receives))
        );
        assert_eq!(metric(&world, "visible_dead_letter_records"), Some(0));
        world.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(metric(&world, "visible_dead_letter_records"), Some(2));
    assert_eq!(receive(&world, &arn).await, Vec::<Value>::new());
    let dead = take(&world, DEAD, &arn, json!({"VisibilityTimeoutSeconds": 60})).await;
    assert_eq!(texts(&dead), ["a", "b"]);
    assert_eq!(metric(&world, "visible_dead_letter_records"), Some(0));
    assert_eq!(take(&world, DEAD, &arn, json!({})).await, Vec::<Value>::new());
    // One is discarded, the other is brought back and may be received twice again.
    assert_eq!(
        each(&world, "AcknowledgeDeadLetterQueueRecords", &arn, &dead[..1]).await,
        Vec::<Value>::new()
    );
    assert_eq!(
        each(&world, "RestoreDeadLetterQueueRecords", &arn, &dead[1..]).await,
        Vec::<Value>::new()
    );
    for receives in 1..=2 {
        let records = receive(&world, &arn).await;
        assert_eq!(texts(&records), texts(&dead[1..]));
        assert_eq!(records[0]["ReceiveCount"], receives);
        assert_eq!(records[0]["RecordId"], dead[1]["RecordId"]);
        world.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(receive(&world, &arn).await, Vec::<Value>::new());
    let dead = take(&world, DEAD, &arn, json!({})).await;
    assert_eq!(dead.len(), 1);
    let refused = each(&world, "RestoreDeadLetterQueueRecords", &arn, &dead).await;
    assert_eq!(refused, Vec::<Value>::new());
}

#[tokio::test]
async fn dead_letters_are_waited_for_and_hidden() {
    let (world, arn) = open(after_receives(1)).await;
    assert_eq!(receive(&world, &arn).await.len(), 2);
    let waiting = world.ok(DEAD, json!({"QueueARN": arn, "WaitTimeSeconds": 20}));
    world.clock.advance(Duration::from_secs(15));
    let answer = after(&world, Duration::from_secs(15), waiting).await;
    let dead = answer["QueueRecords"].as_array().unwrap();
    assert_eq!(texts(dead), ["a", "b"]);
    let entries: Vec<Value> = dead
        .iter()
        .zip([0, 3600])
        .map(|(record, secs)| json!({"ReceiptHandle": record["ReceiptHandle"], "VisibilityTimeoutSeconds": secs}))
        .collect();
    let body = json!({"QueueARN": arn, "Entries": entries});
    let answer = world.ok("UpdateDeadLetterQueueRecordsVisibility", body).await;
    assert_eq!(answer["Failed"], json!([]));
    assert_eq!(
        texts(&take(&world, DEAD, &arn, json!({})).await),
        texts(&dead[..1])
    );
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(
        texts(&take(&world, DEAD, &arn, json!({})).await),
        texts(&dead[..1])
    );
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(texts(&take(&world, DEAD, &arn, json!({})).await), ["a", "b"]);
}

#[tokio::test]
async fn without_them_a_record_comes_until_it_is_acknowledged() {
    let (world, arn) = open(json!({"TargetType": "NONE"})).await;
    for receives in 1..=9 {
        let records = receive(&world, &arn).await;
        assert_eq!(
            (records.len(), &records[0]["ReceiveCount"]),
            (2, &json!(receives))
        );
        world.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(take(&world, DEAD, &arn, json!({})).await, Vec::<Value>::new());
    // Switched on, it looks at what there is.
    let body = json!({"QueueARN": arn, "QueueAttributes": {"DeadLetterConfiguration": after_receives(9)}});
    world.ok("UpdateQueue", body).await;
    crate::shelf::becomes(&world, &arn, "ACTIVE").await;
    assert_eq!(metric(&world, "visible_dead_letter_records"), Some(2));
    assert_eq!(receive(&world, &arn).await, Vec::<Value>::new());
    assert_eq!(take(&world, DEAD, &arn, json!({})).await.len(), 2);
}

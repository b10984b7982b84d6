//! Records die with the stream's retention, whatever a queue still wanted with them.

use std::time::Duration;

use millrace_streams::{Profile, Settings};
use serde_json::{Value, json};

use crate::shelf::{
    commands, each, horizon, metric, put, queue, receive, receive_all, settle, stream, take, texts,
};
use crate::world::{self, World, settings};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn open(retention_check: Duration) -> (World, String) {
    let world = world::with(Settings {
        retention_check,
        ..settings(Profile::Open, Duration::ZERO)
    })
    .await;
    stream(&world).await;
    put(&world, &["a", "b", "c"]).await;
    let dead_letters = json!({"TargetType": "BUILT_IN", "MaxReceiveCount": 1});
    let attributes = json!({"VisibilityTimeoutSeconds": 3600, "DeadLetterConfiguration": dead_letters});
    let arn = queue(&world, horizon(), attributes).await;
    (world, arn)
}

#[tokio::test]
async fn what_is_too_old_is_not_delivered_even_before_it_is_swept() {
    let (world, arn) = open(365 * DAY).await;
    let taken = take(
        &world,
        "ReceiveQueueRecords",
        &arn,
        json!({"Limit": 1, "VisibilityTimeoutSeconds": 0}),
    )
    .await;
    assert_eq!(metric(&world, "visible_dead_letter_records"), Some(1));
    world.clock.advance(DAY + Duration::from_secs(1));
    put(&world, &["new"]).await;
    assert_eq!(texts(&receive_all(&world, &arn).await), ["new"]);
    let dead = "ReceiveDeadLetterQueueRecords";
    assert_eq!(take(&world, dead, &arn, json!({})).await, Vec::<Value>::new());
    assert_eq!(metric(&world, "visible_dead_letter_records"), Some(0));
    // To acknowledge what is gone is no mistake; to keep it is.
    assert_eq!(
        each(&world, "AcknowledgeQueueRecords", &arn, &taken).await,
        Vec::<Value>::new()
    );
    let entries = json!([{"ReceiptHandle": taken[0]["ReceiptHandle"], "VisibilityTimeoutSeconds": 9}]);
    let answer = world
        .ok(
            "UpdateQueueRecordsVisibility",
            json!({"QueueARN": arn, "Entries": entries}),
        )
        .await;
    assert_eq!(answer["Failed"][0]["ErrorCode"], "ResourceNotFoundException");
}

#[tokio::test]
async fn the_sweep_forgets_what_nobody_asks_for() {
    let (world, arn) = open(Duration::from_secs(30)).await;
    assert_eq!(receive(&world, &arn).await.len(), 3);
    let before = commands(&world, &arn);
    world.clock.advance(DAY + Duration::from_secs(1));
    settle().await;
    assert_eq!(commands(&world, &arn), before + 1);
    // They would be dead letters by now. Nobody finds one, and nothing is left to be dropped.
    let dead = take(&world, "ReceiveDeadLetterQueueRecords", &arn, json!({})).await;
    assert_eq!(dead, Vec::<Value>::new());
    assert_eq!(commands(&world, &arn), before + 1);
    assert_eq!(metric(&world, "in_flight_records"), Some(0));
    assert_eq!(metric(&world, "visible_records"), Some(0));
}

//! What is acknowledged stays so: after a restart, and on every node.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::shelf::{
    acknowledge, becomes, each, horizon, log_of, meanwhile, put, queue, receive, receive_all, settle, stream,
    take, text, texts,
};
use crate::world::{self, settings};

#[tokio::test]
async fn a_restart_changes_nothing() {
    let open = settings(Profile::Open, Duration::ZERO);
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    put(&world, &["acked", "dead", "flying", "new"]).await;
    let dead_letters = json!({"TargetType": "BUILT_IN", "MaxReceiveCount": 2});
    let arn = queue(
        &world,
        horizon(),
        json!({"DeadLetterConfiguration": dead_letters}),
    )
    .await;
    let all = receive(&world, &arn).await;
    let by_name = |name: &str| all.iter().find(|record| text(record) == name).unwrap().clone();
    acknowledge(&world, &arn, &[by_name("acked")]).await;
    let hide = |name: &str, secs: u32| {
        let handle = by_name(name)["ReceiptHandle"].clone();
        json!({"ReceiptHandle": handle, "VisibilityTimeoutSeconds": secs})
    };
    let entries = json!([hide("dead", 0), hide("flying", 100), hide("new", 0)]);
    world
        .ok(
            "UpdateQueueRecordsVisibility",
            json!({"QueueARN": arn, "Entries": entries}),
        )
        .await;
    // Received twice: they are dead letters from now on, one of which is restored.
    let op = "ReceiveQueueRecords";
    assert_eq!(
        take(&world, op, &arn, json!({"VisibilityTimeoutSeconds": 0}))
            .await
            .len(),
        2
    );
    let dead = take(
        &world,
        "ReceiveDeadLetterQueueRecords",
        &arn,
        json!({"VisibilityTimeoutSeconds": 50}),
    )
    .await;
    assert_eq!(texts(&dead), ["dead", "new"]);
    let restored: Vec<Value> = dead
        .iter()
        .filter(|record| text(record) == "new")
        .cloned()
        .collect();
    assert_eq!(
        each(&world, "RestoreDeadLetterQueueRecords", &arn, &restored).await,
        Vec::<Value>::new()
    );

    let world = world.restart(open.clone()).await;
    let records = receive_all(&world, &arn).await;
    assert_eq!(texts(&records), ["new"]);
    assert_eq!(records[0]["ReceiveCount"], 1);
    acknowledge(&world, &arn, &records).await;
    let world = world.restart(open.clone()).await;
    assert_eq!(
        take(&world, "ReceiveDeadLetterQueueRecords", &arn, json!({})).await,
        Vec::<Value>::new()
    );
    // Handles and deadlines outlive the process that gave them.
    let answer = world
        .ok(
            "UpdateQueueRecordsVisibility",
            json!({"QueueARN": arn, "Entries": [hide("flying", 60)]}),
        )
        .await;
    assert_eq!(answer["Failed"], json!([]));
    world.clock.advance(Duration::from_secs(50));
    let dead = take(&world, "ReceiveDeadLetterQueueRecords", &arn, json!({})).await;
    assert_eq!(texts(&dead), ["dead"]);
    assert_eq!(receive_all(&world, &arn).await, Vec::<Value>::new());
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(texts(&receive_all(&world, &arn).await), ["flying"]);
}

#[tokio::test]
async fn a_restart_finishes_what_was_begun() {
    let slow = settings(Profile::Open, Duration::from_secs(3600));
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let world = world.restart(slow.clone()).await;
    let answer = world
        .ok(
            "CreateQueue",
            crate::shelf::creating("q", &Value::Null, &Value::Null),
        )
        .await;
    let arn = answer["QueueDescription"]["QueueARN"]
        .as_str()
        .unwrap()
        .to_owned();
    put(&world, &["a"]).await;
    settle().await;
    let world = world.restart(settings(Profile::Open, Duration::ZERO)).await;
    becomes(&world, &arn, "ACTIVE").await;
    assert_eq!(
        texts(&receive(&world, &arn).await),
        ["a"],
        "it starts where it was created, not where it got ready"
    );
    let world = world.restart(slow).await;
    let log = log_of(&world, &arn);
    world.ok("DeleteQueue", json!({"QueueARN": arn})).await;
    settle().await;
    let world = world.restart(settings(Profile::Open, Duration::ZERO)).await;
    becomes(&world, &arn, "ResourceNotFoundException").await;
    assert!(world.log.tail(log).is_err());
}

#[tokio::test]
async fn two_nodes_share_a_queue() {
    let open = settings(Profile::Open, Duration::ZERO);
    let a = world::open(Profile::Open).await;
    stream(&a).await;
    let arn = queue(&a, Value::Null, Value::Null).await;
    let b = a.second(open).await;
    let all: Vec<String> = (0..60).map(|i| format!("r{i:02}")).collect();
    put(&a, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (one, other) = tokio::join!(receive(&a, &arn), receive(&b, &arn));
        // Each acknowledges what the other one received.
        acknowledge(&b, &arn, &one).await;
        acknowledge(&a, &arn, &other).await;
        seen.extend(one);
        seen.extend(other);
    }
    seen.extend(receive_all(&a, &arn).await);
    assert_eq!(texts(&seen), all, "nothing twice, nothing never");
    // Who waits here hears of what is put, given back or deleted there.
    let waiting = b.ok(
        "ReceiveQueueRecords",
        json!({"QueueARN": arn, "WaitTimeSeconds": 20}),
    );
    let answer = meanwhile(waiting, async {
        settle().await;
        put(&a, &["late"]).await;
    })
    .await;
    let late = answer["QueueRecords"].as_array().unwrap().clone();
    let waiting = b.ok(
        "ReceiveQueueRecords",
        json!({"QueueARN": arn, "WaitTimeSeconds": 20}),
    );
    let answer = meanwhile(waiting, async {
        settle().await;
        let entries = json!([{"ReceiptHandle": late[0]["ReceiptHandle"], "VisibilityTimeoutSeconds": 0}]);
        a.ok(
            "UpdateQueueRecordsVisibility",
            json!({"QueueARN": arn, "Entries": entries}),
        )
        .await;
    })
    .await;
    assert_eq!(answer["QueueRecords"][0]["ReceiveCount"], 2);
    let waiting = b.refused(
        "ReceiveQueueRecords",
        json!({"QueueARN": arn, "WaitTimeSeconds": 20}),
    );
    let refused = meanwhile(waiting, async {
        settle().await;
        a.ok("DeleteQueue", json!({"QueueARN": arn})).await;
    })
    .await;
    assert!(refused.starts_with("ResourceNotFoundException"), "{refused}");
    becomes(&b, &arn, "ResourceNotFoundException").await;
}

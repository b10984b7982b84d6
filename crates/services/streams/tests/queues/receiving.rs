//! Records are handed out, waited for, and handed out again.

use std::time::Duration;

use futures_util::future::join_all;
use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::shelf::{
    acknowledge, after, commands, handle, horizon, meanwhile, metric, now, put, queue, receive, receive_all,
    settle, stream, take, text, texts,
};
use crate::world::{self, World};

async fn open() -> World {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    world
}

#[tokio::test]
async fn a_record_has_everything_a_consumer_needs() {
    let world = open().await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    let put_at = now(&world);
    let body = json!({"StreamName": "s", "Data": "aGVsbG8=", "PartitionKey": "käse"});
    let number = world.ok("PutRecord", body).await["SequenceNumber"].clone();
    world.clock.advance(Duration::from_secs(5));
    let first_at = now(&world);
    let records = receive(&world, &arn).await;
    let expected = json!({
        "ReceiptHandle": records[0]["ReceiptHandle"],
        "RecordId": number,
        "PartitionKey": "käse",
        "Data": "aGVsbG8=",
        "ApproximateArrivalTimestamp": put_at,
        "FirstReceiveTimestamp": first_at,
        "ReceiveCount": 1,
    });
    assert_eq!(records, std::slice::from_ref(&expected));
    world.clock.advance(Duration::from_secs(30));
    let again = receive(&world, &arn).await;
    let mut expected = expected;
    expected["ReceiptHandle"] = again[0]["ReceiptHandle"].clone();
    expected["ReceiveCount"] = json!(2);
    assert_eq!(again, [expected]);
    assert_ne!(handle(&again[0]), handle(&records[0]));
}

#[tokio::test]
async fn every_record_is_handed_out_once_and_again_if_it_is_not_acknowledged() {
    let world = open().await;
    let all: Vec<String> = (0..57).map(|i| format!("r{i:02}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    put(&world, &all).await;
    let arn = queue(&world, horizon(), Value::Null).await;
    let records = receive_all(&world, &arn).await;
    assert_eq!(texts(&records), all);
    let (even, odd): (Vec<Value>, Vec<Value>) = records
        .into_iter()
        .partition(|record| text(record).ends_with(['0', '2', '4', '6', '8']));
    acknowledge(&world, &arn, &even).await;
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(texts(&receive_all(&world, &arn).await), texts(&odd));
    // Another queue has all of them; the stream, too.
    let body = json!({"QueueName": "other", "StreamConfigurationList": [{
        "StreamARN": crate::shelf::ARN, "StartingPosition": {"Type": "TRIM_HORIZON"}
    }]});
    let other = world.ok("CreateQueue", body).await["QueueDescription"]["QueueARN"].clone();
    let other = other.as_str().unwrap();
    crate::shelf::becomes(&world, other, "ACTIVE").await;
    let seen = receive_all(&world, other).await;
    assert_eq!(texts(&seen), all);
    let refused = crate::shelf::each(&world, "AcknowledgeQueueRecords", &arn, &seen[..1]).await;
    assert!(
        refused[0]["ErrorMessage"]
            .as_str()
            .unwrap()
            .contains("another queue"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_call_waits_for_a_record_and_no_longer() {
    let world = open().await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    let before = commands(&world, &arn);
    // Nine seconds, unless it says otherwise.
    let call = world.ok("ReceiveQueueRecords", json!({"QueueARN": arn}));
    tokio::pin!(call);
    tokio::select! {
        answer = &mut call => panic!("{answer}"),
        () = settle() => {}
    }
    world.clock.advance(Duration::from_millis(8_999));
    tokio::select! {
        answer = &mut call => panic!("{answer}"),
        () = settle() => {}
    }
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(call.await["QueueRecords"], json!([]));
    assert_eq!(commands(&world, &arn), before, "waiting in vain leaves no trace");
    assert_eq!(metric(&world, "empty_receives_total"), Some(1));

    let waiting = world.ok(
        "ReceiveQueueRecords",
        json!({"QueueARN": arn, "WaitTimeSeconds": 20}),
    );
    let answer = meanwhile(waiting, async {
        settle().await;
        put(&world, &["a"]).await;
    })
    .await;
    assert_eq!(texts(answer["QueueRecords"].as_array().unwrap()), ["a"]);
    // What becomes visible again is waited for, too: half a minute from its receive on.
    let waiting = world.ok(
        "ReceiveQueueRecords",
        json!({"QueueARN": arn, "WaitTimeSeconds": 20}),
    );
    world.clock.advance(Duration::from_secs(15));
    let answer = after(&world, Duration::from_secs(15), waiting).await;
    assert_eq!(answer["QueueRecords"][0]["ReceiveCount"], 2);
}

#[tokio::test]
async fn a_call_that_goes_away_takes_nothing_along() {
    let world = open().await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    {
        let call = world.ok("ReceiveQueueRecords", json!({"QueueARN": arn}));
        tokio::pin!(call);
        tokio::select! {
            answer = &mut call => panic!("{answer}"),
            () = settle() => {}
        }
    }
    put(&world, &["a"]).await;
    assert_eq!(texts(&receive(&world, &arn).await), ["a"]);
}

#[tokio::test]
async fn of_many_who_wait_one_gets_the_record_and_the_others_sleep_on() {
    let world = open().await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    let before = commands(&world, &arn);
    let body = json!({"QueueARN": arn, "WaitTimeSeconds": 10});
    let calls = join_all((0..200).map(|_| world.ok("ReceiveQueueRecords", body.clone())));
    let answers = meanwhile(calls, async {
        settle().await;
        put(&world, &["a"]).await;
        settle().await;
        put(&world, &["b", "c"]).await;
        settle().await;
        // Three records were found by two or three calls; nobody else wrote anything.
        let written = commands(&world, &arn) - before;
        assert!((2..=3).contains(&written), "{written}");
        world.clock.advance(Duration::from_secs(10));
    })
    .await;
    let records: Vec<Value> = answers
        .iter()
        .flat_map(|answer| answer["QueueRecords"].as_array().unwrap().clone())
        .collect();
    assert_eq!(texts(&records), ["a", "b", "c"]);
}

#[tokio::test]
async fn calls_at_the_same_time_share_what_there_is() {
    let world = open().await;
    let all: Vec<String> = (0..100).map(|i| format!("r{i:02}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let arn = queue(&world, Value::Null, Value::Null).await;
    put(&world, &all).await;
    let body = json!({"QueueARN": arn, "WaitTimeSeconds": 1});
    let calls = (0..20).map(|_| {
        after(
            &world,
            Duration::from_secs(1),
            world.ok("ReceiveQueueRecords", body.clone()),
        )
    });
    let answers = join_all(calls).await;
    let records: Vec<Value> = answers
        .iter()
        .flat_map(|answer| answer["QueueRecords"].as_array().unwrap().clone())
        .collect();
    let rest = receive_all(&world, &arn).await;
    assert_eq!(texts(&[records, rest].concat()), all);
}

#[tokio::test]
async fn limit_and_visibility_are_as_asked() {
    let world = open().await;
    let arn = queue(&world, Value::Null, json!({"VisibilityTimeoutSeconds": 5})).await;
    put(&world, &["a", "b", "c"]).await;
    let op = "ReceiveQueueRecords";
    assert_eq!(take(&world, op, &arn, json!({"Limit": 2})).await.len(), 2);
    let last = take(&world, op, &arn, json!({"VisibilityTimeoutSeconds": 60})).await;
    assert_eq!(last.len(), 1);
    world.clock.advance(Duration::from_secs(5));
    let again = take(&world, op, &arn, json!({"VisibilityTimeoutSeconds": 0})).await;
    assert_eq!(again.len(), 2);
    assert_eq!(receive(&world, &arn).await.len(), 2, "no timeout is over at once");
    // A new timeout is for new receives.
    let body = json!({"QueueARN": arn, "QueueAttributes": {"VisibilityTimeoutSeconds": 43200}});
    world.ok("UpdateQueue", body).await;
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(receive(&world, &arn).await.len(), 2);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(texts(&receive(&world, &arn).await), texts(&last));
}

#[tokio::test]
async fn a_queue_counts() {
    let world = open().await;
    assert_eq!(metric(&world, "visible_records"), None);
    let arn = queue(&world, Value::Null, json!({"VisibilityTimeoutSeconds": 0})).await;
    put(&world, &["a", "b", "c"]).await;
    assert_eq!(metric(&world, "visible_records"), Some(3));
    let op = "ReceiveQueueRecords";
    let taken = take(
        &world,
        op,
        &arn,
        json!({"Limit": 2, "VisibilityTimeoutSeconds": 7}),
    )
    .await;
    assert_eq!(metric(&world, "visible_records"), Some(1));
    assert_eq!(metric(&world, "in_flight_records"), Some(2));
    acknowledge(&world, &arn, &taken[..1]).await;
    assert_eq!(metric(&world, "in_flight_records"), Some(1));
    world.clock.advance(Duration::from_secs(7));
    assert_eq!(metric(&world, "in_flight_records"), Some(0));
    assert_eq!(metric(&world, "visible_records"), Some(2));
    assert_eq!(metric(&world, "received_records_total"), Some(2));
    assert_eq!(metric(&world, "acknowledged_records_total"), Some(1));
    let mut text = String::new();
    world.streams.write_prometheus(&mut text);
    let id = arn.rsplit('/').next().unwrap();
    let labels =
        format!("{{account=\"000000000000\",region=\"us-east-1\",queue_id=\"{id}\",queue_name=\"q\"}}");
    assert!(
        text.contains(&format!("millrace_queue_visible_records{labels} 2\n")),
        "{text}"
    );
}

#[tokio::test]
async fn a_queue_that_nobody_uses_leaves_the_memory_and_comes_back() {
    let world = open().await;
    let arn = queue(&world, Value::Null, json!({"VisibilityTimeoutSeconds": 43200})).await;
    put(&world, &["a", "b"]).await;
    let taken = take(&world, "ReceiveQueueRecords", &arn, json!({"Limit": 1})).await;
    for _ in 0..25 {
        world.clock.advance(Duration::from_secs(30));
        settle().await;
    }
    assert_eq!(metric(&world, "in_flight_records"), None);
    let rest = receive_all(&world, &arn).await;
    assert_eq!(texts(&[taken, rest].concat()), ["a", "b"]);
    assert_eq!(metric(&world, "in_flight_records"), Some(2));
}

//! SubscribeToShard.

use std::time::{Duration, Instant};

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{ARN, FIRST, Frame, HALF, consumer, data, put, split, subscribe};
use crate::world::{self, World, settings};

const SECOND: Duration = Duration::from_secs(1);

fn latest() -> Value {
    json!({"Type": "LATEST"})
}

async fn ready() -> (World, String) {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let arn = consumer(&world, "c").await;
    (world, arn)
}

/// Lets the subscriber see a clock that was moved.
async fn moved(world: &World, by: Duration) {
    tokio::task::yield_now().await;
    world.clock.advance(by);
}

#[tokio::test]
async fn records_are_pushed_as_they_come() {
    let (world, arn) = ready().await;
    put(&world, "k", &["before"]).await;
    let mut subscription = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    assert!(subscription.is_silent().await);
    let numbers = put(&world, "k", &["a", "b"]).await;
    let event = subscription.event().await;
    assert_eq!(data(&event), ["a", "b"]);
    assert_eq!(event["Records"][0]["SequenceNumber"], numbers[0]);
    assert_eq!(event["Records"][0]["PartitionKey"], "k");
    assert_eq!(event["ContinuationSequenceNumber"], numbers[1]);
    assert_eq!(event["MillisBehindLatest"], 0);
    put(&world, "k", &["c"]).await;
    assert_eq!(data(&subscription.event().await), ["c"]);
    let metrics = world.streams.metrics();
    assert_eq!(
        (metrics.subscriptions.get(), metrics.pushed_records.get()),
        (1, 3)
    );
    drop(subscription);
    assert_eq!(metrics.subscriptions.get(), 0);
}

#[tokio::test]
async fn every_position_starts_where_it_says() {
    let (world, arn) = ready().await;
    let numbers = put(&world, "k", &["a", "b"]).await;
    let time = world.now();
    for (position, expected) in [
        (json!({"Type": "TRIM_HORIZON"}), vec!["a", "b"]),
        (
            json!({"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": numbers[1]}),
            vec!["b"],
        ),
        (
            json!({"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": numbers[0]}),
            vec!["b"],
        ),
        (json!({"Type": "AT_TIMESTAMP", "Timestamp": time}), vec!["a", "b"]),
    ] {
        let mut subscription = subscribe(&world, &arn, FIRST, position.clone()).await.unwrap();
        assert_eq!(data(&subscription.event().await), expected, "{position}");
    }
    let position = json!({"Type": "AT_SEQUENCE_NUMBER"});
    let refusal = subscribe(&world, &arn, FIRST, position).await.err().unwrap();
    assert_eq!(refusal.code, "InvalidArgumentException");
}

#[tokio::test]
async fn the_continuation_goes_on_exactly_behind() {
    let (world, arn) = ready().await;
    let mut subscription = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    // Nothing was read yet: the heartbeat's number has to stand before everything that comes.
    moved(&world, 2 * SECOND).await;
    let beat = subscription.event().await;
    assert_eq!(beat["Records"], json!([]));
    assert_eq!(beat["MillisBehindLatest"], 0);
    drop(subscription);
    put(&world, "k", &["a", "b"]).await;
    let position =
        json!({"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": beat["ContinuationSequenceNumber"]});
    let mut subscription = subscribe(&world, &arn, FIRST, position).await.unwrap();
    let event = subscription.event().await;
    assert_eq!(data(&event), ["a", "b"]);
    drop(subscription);
    put(&world, "k", &["c"]).await;
    let position =
        json!({"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": event["ContinuationSequenceNumber"]});
    let mut subscription = subscribe(&world, &arn, FIRST, position).await.unwrap();
    assert_eq!(data(&subscription.event().await), ["c"]);
}

#[tokio::test]
async fn it_lasts_five_minutes_and_is_never_silent_for_long() {
    let (world, arn) = ready().await;
    let mut subscription = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    for _ in 0..149 {
        let (event, ()) = tokio::join!(subscription.event(), moved(&world, 2 * SECOND));
        assert_eq!(event["Records"], json!([]));
    }
    let (end, ()) = tokio::join!(subscription.next(), moved(&world, 2 * SECOND));
    assert_eq!(end, None, "it ends cleanly");
    assert_eq!(subscription.next().await, None);
}

#[tokio::test]
async fn a_second_call_is_refused_and_later_takes_over() {
    let (world, arn) = ready().await;
    let mut first = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    world.clock.advance(Duration::from_millis(4999));
    let refusal = subscribe(&world, &arn, FIRST, latest()).await.err().unwrap();
    assert_eq!(refusal.code, "ResourceInUseException");
    assert_eq!(
        refusal.message,
        format!("Another active subscription exists for this consumer: {arn}")
    );
    assert_eq!(
        data(&first.event().await).len(),
        0,
        "the first one goes on with a heartbeat"
    );
    // Other consumers, and other shards, are not concerned.
    let other = consumer(&world, "d").await;
    let mut other = subscribe(&world, &other, FIRST, latest()).await.unwrap();
    world.clock.advance(Duration::from_millis(1));
    let mut second = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    let Some(Frame::Exception(code, message)) = first.next().await else {
        panic!("no exception")
    };
    assert_eq!(code, "ResourceInUseException");
    assert!(
        message.starts_with("Another active subscription exists for this consumer"),
        "{message}"
    );
    assert_eq!(first.next().await, None);
    drop(first);
    put(&world, "k", &["a"]).await;
    assert_eq!(data(&second.event().await), ["a"]);
    assert_eq!(data(&other.event().await), ["a"]);
    let refusal = subscribe(&world, &arn, FIRST, latest()).await.err().unwrap();
    assert_eq!(
        refusal.code, "ResourceInUseException",
        "ending the first did not end the claim of the second"
    );
}

#[tokio::test]
async fn a_closed_shard_ends_with_its_children() {
    let (world, arn) = ready().await;
    put(&world, "k", &["a"]).await;
    let mut waiting = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    split(&world, FIRST, HALF).await;
    let other = consumer(&world, "d").await;
    let mut reading = subscribe(&world, &other, FIRST, json!({"Type": "TRIM_HORIZON"}))
        .await
        .unwrap();
    for (subscription, records) in [(&mut waiting, 0), (&mut reading, 1)] {
        let event = subscription.event().await;
        assert_eq!(data(&event).len(), records);
        assert!(event.get("ContinuationSequenceNumber").is_none(), "{event}");
        let children = event["ChildShards"].as_array().unwrap();
        assert_eq!(children.len(), 2);
        assert_eq!(children[0]["ShardId"], "shardId-000000000001");
        assert_eq!(children[0]["ParentShards"], json!([FIRST]));
        assert_eq!(children[1]["HashKeyRange"]["StartingHashKey"], HALF);
        assert_eq!(subscription.next().await, None);
    }
}

#[tokio::test]
async fn it_ends_with_its_consumer_and_with_its_stream() {
    let (world, arn) = ready().await;
    let mut subscription = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    let other = consumer(&world, "d").await;
    let mut other = subscribe(&world, &other, FIRST, latest()).await.unwrap();
    world
        .ok("DeregisterStreamConsumer", json!({"ConsumerARN": arn}))
        .await;
    let ends = |frame: Option<Frame>| matches!(frame, Some(Frame::Exception(code, _)) if code == "ResourceNotFoundException");
    assert!(ends(subscription.next().await));
    assert_eq!(subscription.next().await, None);
    assert!(other.is_silent().await);
    let body = json!({"StreamName": "s", "EnforceConsumerDeletion": true});
    world.ok("DeleteStream", body).await;
    assert!(ends(other.next().await));
    assert_eq!(other.next().await, None);
}

#[tokio::test]
async fn only_an_active_consumer_may_subscribe() {
    let world = world::with(settings(Profile::Open, SECOND)).await;
    let body = json!({"StreamName": "s", "ShardCount": 1});
    world.ok("CreateStream", body).await;
    while world.status("s").await != "ACTIVE" {
        moved(&world, SECOND).await;
    }
    let body = json!({"StreamARN": ARN, "ConsumerName": "c"});
    let answer = world.ok("RegisterStreamConsumer", body).await;
    let arn = answer["Consumer"]["ConsumerARN"].as_str().unwrap();
    let refusal = subscribe(&world, arn, FIRST, latest()).await.err().unwrap();
    assert_eq!(refusal.code, "ResourceInUseException");
    assert!(
        refusal.message.ends_with("is not in ACTIVE status."),
        "{}",
        refusal.message
    );
    let unknown = format!("{ARN}/consumer/d:1");
    let refusal = subscribe(&world, &unknown, FIRST, latest()).await.err().unwrap();
    assert_eq!(refusal.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_large_backlog_comes_in_events_of_a_mebibyte() {
    let (world, arn) = ready().await;
    let big = "x".repeat(300_000);
    for _ in 0..3 {
        put(&world, "k", &[big.as_str(); 3]).await;
    }
    put(&world, "k", &["y".repeat((1 << 20) - 1).as_str()]).await;
    world.clock.advance(7 * SECOND);
    let position = json!({"Type": "TRIM_HORIZON"});
    let mut subscription = subscribe(&world, &arn, FIRST, position).await.unwrap();
    let mut seen = Vec::new();
    while seen.iter().sum::<usize>() < 10 {
        let event = subscription.event().await;
        seen.push(data(&event).len());
        let last = seen.iter().sum::<usize>() == 10;
        assert_eq!(event["MillisBehindLatest"], if last { 0 } else { 7000 });
    }
    assert_eq!(seen, [3, 3, 3, 1]);
}

#[tokio::test]
async fn a_backlog_that_was_trimmed_is_passed_over() {
    let (world, arn) = ready().await;
    let old = put(&world, "k", &["old"]).await.remove(0);
    world.clock.advance(Duration::from_secs(25 * 3600));
    put(&world, "k", &["new"]).await;
    let position = json!({"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": old});
    let mut subscription = subscribe(&world, &arn, FIRST, position).await.unwrap();
    assert_eq!(data(&subscription.event().await), ["new"]);
}

#[tokio::test]
async fn two_mebibytes_a_second_are_pushed_under_aws() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 1).await;
    let arn = consumer(&world, "c").await;
    let mut subscription = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    put(&world, "k", &["x".repeat((1 << 20) - 1).as_str()]).await;
    assert!(subscription.is_silent().await);
    world.clock.advance(Duration::from_millis(499));
    assert!(subscription.is_silent().await);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(data(&subscription.event().await).len(), 1);
}

#[tokio::test]
async fn a_record_is_pushed_at_once() {
    let (world, arn) = ready().await;
    let mut subscription = subscribe(&world, &arn, FIRST, latest()).await.unwrap();
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..50 {
        #[allow(clippy::disallowed_methods, reason = "what is measured is real time")]
        let begin = Instant::now();
        put(&world, "k", &["x"]).await;
        assert_eq!(data(&subscription.event().await), ["x"]);
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    // Far below a millisecond even in a debug build; the bound only tells a push from a poll, on any machine.
    assert!(times[25] < Duration::from_millis(50), "{times:?}");
    println!(
        "put to push: median {:?}, slowest {:?}",
        times[25],
        times.last().unwrap()
    );
}

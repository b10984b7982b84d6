//! Streams with queues, and calls that wait.

use std::future::Future;
use std::time::Duration;

use base64_simd::STANDARD;
use millrace_base::Clock as _;
use millrace_log::LogId;
use millrace_streams::state::{QueueKey, StreamKey};
use serde_json::{Value, json};

use crate::world::{self, World};

pub(crate) const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

/// On-demand stream `s`, with four shards.
pub(crate) async fn stream(world: &World) {
    let mode = json!({"StreamMode": "ON_DEMAND"});
    world
        .ok(
            "CreateStream",
            json!({"StreamName": "s", "StreamModeDetails": mode}),
        )
        .await;
    world.reaches("s", "ACTIVE").await;
}

pub(crate) fn stream_key() -> StreamKey {
    World::key("s")
}

/// The body of CreateQueue over stream `s`.
pub(crate) fn creating(name: &str, position: &Value, attributes: &Value) -> Value {
    let mut source = json!({"StreamARN": ARN});
    if !position.is_null() {
        source["StartingPosition"] = position.clone();
    }
    let mut body = json!({"QueueName": name, "StreamConfigurationList": [source]});
    if !attributes.is_null() {
        body["QueueAttributes"] = attributes.clone();
    }
    body
}

/// A queue over stream `s` that is active; its ARN.
pub(crate) async fn queue(world: &World, position: Value, attributes: Value) -> String {
    let answer = world
        .ok("CreateQueue", creating("q", &position, &attributes))
        .await;
    let arn = answer["QueueDescription"]["QueueARN"]
        .as_str()
        .unwrap()
        .to_owned();
    becomes(world, &arn, "ACTIVE").await;
    arn
}

pub(crate) async fn describe(world: &World, arn: &str) -> Value {
    world.ok("DescribeQueue", json!({"QueueARN": arn})).await["QueueDescription"].clone()
}

/// Waits until the queue's status is `wanted`; for one that is gone that is `ResourceNotFoundException`.
pub(crate) async fn becomes(world: &World, arn: &str, wanted: &str) {
    let mut changed = world.streams.changed();
    let wait = async {
        loop {
            let status = match world.call("DescribeQueue", json!({"QueueARN": arn})).await {
                Ok(answer) => answer["QueueDescription"]["QueueStatus"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
                Err(error) => error.code.into_owned(),
            };
            if status == wanted {
                return;
            }
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect(wanted);
}

/// Puts one record of each text under its own key, so that they spread over the shards.
pub(crate) async fn put(world: &World, texts: &[&str]) {
    let record = |text: &&str| json!({"Data": STANDARD.encode_to_string(text), "PartitionKey": text});
    let records: Vec<Value> = texts.iter().map(record).collect();
    let body = json!({"StreamName": "s", "Records": records});
    let answer = world.ok("PutRecords", body).await;
    assert_eq!(answer["FailedRecordCount"], 0);
}

pub(crate) fn text(record: &Value) -> String {
    let data = record["Data"].as_str().unwrap();
    String::from_utf8(STANDARD.decode_to_vec(data).unwrap()).unwrap()
}

pub(crate) fn texts(records: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(text).collect();
    texts.sort();
    texts
}

pub(crate) fn handle(record: &Value) -> &str {
    record["ReceiptHandle"].as_str().unwrap()
}

/// Lets everything run that can without the clock.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// A call while something else happens that it waits for.
pub(crate) async fn meanwhile<T>(call: impl Future<Output = T>, what: impl Future<Output = ()>) -> T {
    let both = async { tokio::join!(call, what).0 };
    tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .expect("no answer came")
}

/// The answer of a call for which the clock has to be moved.
pub(crate) async fn after<T>(world: &World, by: Duration, call: impl Future<Output = T>) -> T {
    tokio::pin!(call);
    tokio::select! {
        biased;
        answer = &mut call => return answer,
        () = settle() => {}
    }
    world.clock.advance(by);
    tokio::time::timeout(Duration::from_secs(10), call)
        .await
        .expect("no answer came")
}

/// Receives what there is; the clock moves by a second where there is nothing.
pub(crate) async fn take(world: &World, op: &str, arn: &str, more: Value) -> Vec<Value> {
    let mut body = more;
    body["QueueARN"] = json!(arn);
    body["WaitTimeSeconds"] = json!(1);
    let answer = after(world, Duration::from_secs(1), world.ok(op, body)).await;
    answer["QueueRecords"].as_array().unwrap().clone()
}

pub(crate) async fn receive(world: &World, arn: &str) -> Vec<Value> {
    take(world, "ReceiveQueueRecords", arn, json!({})).await
}

/// Receives until nothing comes.
pub(crate) async fn receive_all(world: &World, arn: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let records = receive(world, arn).await;
        if records.is_empty() {
            return all;
        }
        all.extend(records);
    }
}

/// Calls an operation on all records; yields its `Failed`.
pub(crate) async fn each(world: &World, op: &str, arn: &str, records: &[Value]) -> Vec<Value> {
    let mut failed = Vec::new();
    for records in records.chunks(10) {
        let entry = |record: &Value| json!({"ReceiptHandle": record["ReceiptHandle"]});
        let entries: Vec<Value> = records.iter().map(entry).collect();
        let answer = world.ok(op, json!({"QueueARN": arn, "Entries": entries})).await;
        let (done, refused) = (&answer["Successful"], answer["Failed"].as_array().unwrap());
        assert_eq!(done.as_array().unwrap().len() + refused.len(), records.len());
        failed.extend(refused.iter().cloned());
    }
    failed
}

pub(crate) async fn acknowledge(world: &World, arn: &str, records: &[Value]) {
    assert_eq!(
        each(world, "AcknowledgeQueueRecords", arn, records).await,
        Vec::<Value>::new()
    );
}

pub(crate) fn key_of(arn: &str) -> QueueKey {
    let id = arn.rsplit('/').next().unwrap();
    QueueKey::new(world::ACCOUNT, world::REGION, id)
}

/// The log of what a queue remembers.
pub(crate) fn log_of(world: &World, arn: &str) -> LogId {
    let log = world
        .control
        .read(|state| state.queue(&key_of(arn)).map(|queue| queue.log));
    log.unwrap().id()
}

/// How many commands a queue's log has.
pub(crate) fn commands(world: &World, arn: &str) -> u64 {
    world.log.tail(log_of(world, arn)).unwrap().end
}

/// A queue's metrics, each with its value.
pub(crate) fn metric(world: &World, name: &str) -> Option<u64> {
    let mut text = String::new();
    world.streams.write_prometheus(&mut text);
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("millrace_queue_{name}{{")))?;
    line.rsplit(' ').next()?.parse().ok()
}

pub(crate) fn horizon() -> Value {
    json!({"Type": "TRIM_HORIZON"})
}

/// The time as the API writes it while tests keep to whole seconds.
pub(crate) fn now(world: &World) -> Value {
    json!(world.clock.now().seconds())
}

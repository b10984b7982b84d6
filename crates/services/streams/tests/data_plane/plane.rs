//! Calls of the data plane in both formats, and subscriptions.

use std::time::Duration;

use base64_simd::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use millrace_api::kinesis::SERVICE;
use millrace_wire::call::Events;
use millrace_wire::{ApiError, Caller, Codec, Reply, event_stream};
use serde_json::{Value, json};

use crate::world::{self, World, caller};

pub(crate) const BOTH: [Codec; 2] = [Codec::Json11, Codec::Cbor11];
pub(crate) const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
pub(crate) const FIRST: &str = "shardId-000000000000";
/// The middle of the hash-key space, where the second of two shards begins.
pub(crate) const HALF: &str = "170141183460469231731687303715884105728";

pub(crate) fn b64(data: impl AsRef<[u8]>) -> String {
    STANDARD.encode_to_string(data)
}

pub(crate) fn plain(data: &Value) -> String {
    String::from_utf8(STANDARD.decode_to_vec(data.as_str().unwrap()).unwrap()).unwrap()
}

/// Answers as JSON whatever the format was.
pub(crate) async fn call_as(
    world: &World,
    caller: &Caller,
    codec: Codec,
    op: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    let op = SERVICE.operation(op).unwrap();
    let caller = caller.clone().asking(&SERVICE, op);
    let mut body = Bytes::from(serde_json::to_vec(body).unwrap());
    if codec == Codec::Cbor11 {
        let shape = op.input.unwrap();
        body = codec
            .encode(shape, &Codec::Json11.decode(shape, &body).unwrap())
            .into();
    }
    let mut answer = world::whole(world.streams.call(&caller, op, codec, body).await?);
    if codec == Codec::Cbor11 {
        let shape = op.output.unwrap();
        answer = Codec::Json11
            .encode(shape, &codec.decode(shape, &answer).unwrap())
            .into();
    }
    Ok(serde_json::from_slice(&answer).unwrap())
}

pub(crate) async fn ok_in(world: &World, codec: Codec, op: &str, body: Value) -> Value {
    let caller = caller(world::ACCOUNT, world::REGION);
    match call_as(world, &caller, codec, op, &body).await {
        Ok(answer) => answer,
        Err(error) => panic!("{op}: {error}"),
    }
}

/// Puts one record of each text, all under one key, and yields their sequence numbers.
pub(crate) async fn put(world: &World, key: &str, data: &[&str]) -> Vec<String> {
    let records: Vec<Value> = data
        .iter()
        .map(|data| json!({"Data": b64(data), "PartitionKey": key}))
        .collect();
    let answer = world
        .ok("PutRecords", json!({"StreamName": "s", "Records": records}))
        .await;
    assert_eq!(answer["FailedRecordCount"], 0);
    let records = answer["Records"].as_array().unwrap();
    records
        .iter()
        .map(|record| record["SequenceNumber"].as_str().unwrap().to_owned())
        .collect()
}

/// An iterator on stream `s`; `more` is the type and what belongs to it.
pub(crate) async fn iterator(world: &World, shard: &str, more: Value) -> String {
    let answer = world.ok("GetShardIterator", asking(shard, &more)).await;
    answer["ShardIterator"].as_str().unwrap().to_owned()
}

/// The body of GetShardIterator.
pub(crate) fn asking(shard: &str, more: &Value) -> Value {
    let mut body = more.clone();
    body["StreamName"] = json!("s");
    body["ShardId"] = json!(shard);
    body
}

pub(crate) fn horizon() -> Value {
    json!({"ShardIteratorType": "TRIM_HORIZON"})
}

pub(crate) async fn get(world: &World, iterator: &str) -> Value {
    world.ok("GetRecords", json!({"ShardIterator": iterator})).await
}

/// The data of an answer's or an event's records.
pub(crate) fn data(answer: &Value) -> Vec<String> {
    let records = answer["Records"].as_array().unwrap();
    records.iter().map(|record| plain(&record["Data"])).collect()
}

/// Everything in a shard, from the horizon to its tail or end.
pub(crate) async fn drain(world: &World, shard: &str) -> Vec<Value> {
    let mut next = iterator(world, shard, horizon()).await;
    let mut all = Vec::new();
    loop {
        let answer = get(world, &next).await;
        let records = answer["Records"].as_array().unwrap();
        all.extend(records.iter().cloned());
        match answer["NextShardIterator"].as_str() {
            Some(iterator) if !records.is_empty() => next = iterator.to_owned(),
            _ => return all,
        }
    }
}

/// Splits a shard of stream `s` in the given place and waits for the children.
pub(crate) async fn split(world: &World, shard: &str, at: &str) {
    let body = json!({"StreamName": "s", "ShardToSplit": shard, "NewStartingHashKey": at});
    world.ok("SplitShard", body).await;
    world.reaches("s", "ACTIVE").await;
}

/// A frame of a subscription.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Initial,
    Event(Value),
    Exception(String, String),
}

pub(crate) struct Subscription(Events);

impl Subscription {
    /// The next frame; `None` when the subscription is over.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let next = tokio::time::timeout(Duration::from_secs(10), self.0.next());
        let bytes = next.await.expect("no frame came")?;
        let (message, length) = event_stream::decode(&bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        assert_eq!(
            message.header(":content-type"),
            Some("application/x-amz-json-1.1")
        );
        let payload: Value = serde_json::from_slice(&message.payload).unwrap();
        Some(match message.event_type() {
            Some("initial-response") => {
                assert_eq!(payload, json!({}));
                Frame::Initial
            }
            Some("SubscribeToShardEvent") => Frame::Event(payload),
            _ => Frame::Exception(
                message.exception_type().unwrap().to_owned(),
                payload["message"].as_str().unwrap().to_owned(),
            ),
        })
    }

    pub(crate) async fn event(&mut self) -> Value {
        match self.next().await {
            Some(Frame::Event(event)) => event,
            other => panic!("no event but {other:?}"),
        }
    }

    /// Whether nothing comes for a moment.
    pub(crate) async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(50), self.0.next())
            .await
            .is_err()
    }
}

/// Registers a consumer of stream `s` and yields its ARN once it is active.
pub(crate) async fn consumer(world: &World, name: &str) -> String {
    let body = json!({"StreamARN": ARN, "ConsumerName": name});
    let answer = world.ok("RegisterStreamConsumer", body).await;
    let arn = answer["Consumer"]["ConsumerARN"].as_str().unwrap().to_owned();
    let mut changed = world.streams.changed();
    loop {
        let answer = world
            .ok("DescribeStreamConsumer", json!({"ConsumerARN": arn}))
            .await;
        if answer["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE" {
            return arn;
        }
        changed.changed().await.unwrap();
    }
}

/// A subscription whose initial response was taken off.
pub(crate) async fn subscribe(
    world: &World,
    arn: &str,
    shard: &str,
    position: Value,
) -> Result<Subscription, ApiError> {
    let op = SERVICE.operation("SubscribeToShard").unwrap();
    let body = json!({"ConsumerARN": arn, "ShardId": shard, "StartingPosition": position});
    let body = Bytes::from(serde_json::to_vec(&body).unwrap());
    let caller = caller(world::ACCOUNT, world::REGION).asking(&SERVICE, op);
    let Reply::Events(events) = world.streams.call(&caller, op, Codec::Json11, body).await? else {
        panic!("SubscribeToShard streams events");
    };
    let mut subscription = Subscription(events);
    assert_eq!(subscription.next().await, Some(Frame::Initial));
    Ok(subscription)
}

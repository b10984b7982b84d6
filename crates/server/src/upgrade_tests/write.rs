//! Writing a fixture: a data directory with something of everything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millrace_api::{cloudwatch, iam, kms};
use millrace_base::{Clock, ManualClock, SystemRng, Tasks, Timestamp};
use millrace_blob::Blobs;
use millrace_control::{Control, Options as ControlOptions};
use millrace_log::EmbeddedLog;
use millrace_log::embedded::Options;
use serde_json::{Value, json};

use super::{ACCOUNT, Expected, World, observe};
use crate::commands::{CONTROL_LOG, Parts};

/// When it began: 2026-11-23.
const START: u64 = 1_795_392_000_000;
const MIDDLE: &str = "85070591730234615865843651857942052864";

/// Writes a fixture into a directory, in place of what is there.
pub(super) async fn fixture(to: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut now = Timestamp(START);
    let world = World::open(&data, now).await;
    streams(&world).await;
    queue_and_channel(&world).await;
    others(&world).await;
    let sealed = world.services.embedded.clone().unwrap();
    sealed.snapshot(|_| Ok(())).await.unwrap();
    drop(sealed);
    now = ends(world).await;
    snapshot(&data, now).await;
    // Two runs more, whose rests are in the write-ahead log.
    for round in 0..2 {
        let world = World::open(&data, now).await;
        for n in 0..5 {
            put(&world, "orders", &format!("rest-{round}-{n}"), "unsealed").await;
        }
        let item =
            json!({"lease": {"S": format!("shard-{round}")}, "owner": {"S": "ada"}, "counter": {"N": "17"}});
        world
            .dynamodb("PutItem", json!({"TableName": "leases", "Item": item}))
            .await;
        now = ends(world).await;
    }
    let world = World::open(&data, now).await;
    let observed = observe::everything(&world).await;
    now = ends(world).await;
    if to.exists() {
        std::fs::remove_dir_all(to).unwrap();
    }
    let mut segments = BTreeMap::new();
    for folder in ["log", "blobs", "keys"] {
        keep(&data.join(folder), &to.join("data").join(folder), &mut segments);
    }
    let expected = Expected {
        observed,
        now,
        segments,
    };
    expected.write(to);
}

/// Closes a world; yields its time.
async fn ends(world: World) -> Timestamp {
    let clock: ManualClock = world.clock.clone();
    world.close().await;
    clock.now().plus(Duration::from_secs(1))
}

async fn put(world: &World, stream: &str, key: &str, data: &str) {
    use base64_simd::STANDARD;
    let data = STANDARD.encode_to_string(data);
    let record = json!({"StreamName": stream, "PartitionKey": key, "Data": data});
    world.kinesis("PutRecord", record).await;
}

async fn active(world: &World, stream: &str) {
    let wanted = |answer: &Value| answer["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE";
    world
        .until("DescribeStreamSummary", json!({"StreamName": stream}), wanted)
        .await;
}

/// A stream that was split and merged, and an encrypted one.
async fn streams(world: &World) {
    let create = json!({"StreamName": "orders", "ShardCount": 2, "Tags": {"team": "mill"}});
    world.kinesis("CreateStream", create).await;
    active(world, "orders").await;
    for n in 0..10 {
        put(world, "orders", &format!("before-{n}"), &format!("record {n}")).await;
    }
    // More than one block.
    put(world, "orders", "large", &"x".repeat(70_000)).await;
    let split = json!({
        "StreamName": "orders", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": MIDDLE,
    });
    world.kinesis("SplitShard", split).await;
    active(world, "orders").await;
    for n in 0..6 {
        put(world, "orders", &format!("between-{n}"), "split").await;
    }
    let merge = json!({
        "StreamName": "orders", "ShardToMerge": "shardId-000000000003", "AdjacentShardToMerge": "shardId-000000000001",
    });
    world.kinesis("MergeShards", merge).await;
    active(world, "orders").await;
    for n in 0..6 {
        put(world, "orders", &format!("after-{n}"), "merged").await;
    }
    let retention = json!({"StreamName": "orders", "RetentionPeriodHours": 48});
    world.kinesis("IncreaseStreamRetentionPeriod", retention).await;
    let arn = format!("arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/orders");
    let consumer = json!({"StreamARN": arn, "ConsumerName": "reader"});
    world.kinesis("RegisterStreamConsumer", consumer).await;
    let registered = |answer: &Value| answer["Consumers"][0]["ConsumerStatus"] == "ACTIVE";
    world
        .until("ListStreamConsumers", json!({"StreamARN": arn}), registered)
        .await;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kinesis:GetRecords", "Resource": arn,
    }]});
    let policy = json!({"ResourceARN": arn, "Policy": policy.to_string()});
    world.kinesis("PutResourcePolicy", policy).await;
    world
        .kinesis("CreateStream", json!({"StreamName": "secret", "ShardCount": 1}))
        .await;
    active(world, "secret").await;
    put(world, "secret", "plain", "before encryption").await;
    let start = json!({"StreamName": "secret", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
    world.kinesis("StartStreamEncryption", start).await;
    active(world, "secret").await;
    put(world, "secret", "sealed", "whisper").await;
}

/// A queue with one record acknowledged, one in flight and one waiting; a channel that delivered.
async fn queue_and_channel(world: &World) {
    let create = json!({"StreamName": "jobs", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    world.kinesis("CreateStream", create).await;
    active(world, "jobs").await;
    let arn = format!("arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/jobs");
    let create = json!({"QueueName": "work", "StreamConfigurationList": [{"StreamARN": arn}]});
    let queue = world.kinesis("CreateQueue", create).await["QueueDescription"]["QueueARN"].clone();
    let wanted = |answer: &Value| answer["QueueDescription"]["QueueStatus"] == "ACTIVE";
    world
        .until("DescribeQueue", json!({"QueueARN": queue}), wanted)
        .await;
    let create = json!({
        "ChannelName": "lake", "ServiceExecutionRoleARN": format!("arn:aws:iam::{ACCOUNT}:role/deliver"),
        "StreamConfigurationList": [{"StreamARN": arn, "RecordConfiguration": {"RecordFormatType": "STRING"}}],
        "S3DestinationConfiguration": {"DataFreshnessInSeconds": 60, "StorageConfiguration": {
            "BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": ACCOUNT, "CompressionType": "GZIP",
        }},
    });
    let channel = world.kinesis("CreateChannel", create).await["ChannelDescription"]["ChannelARN"].clone();
    let wanted = |answer: &Value| answer["ChannelDescription"]["ChannelStatus"] == "ACTIVE";
    world
        .until("DescribeChannel", json!({"ChannelARN": channel}), wanted)
        .await;
    for n in 0..3 {
        put(world, "jobs", &format!("job-{n}"), &format!("job {n}")).await;
    }
    for acknowledged in [true, false] {
        let one = json!({"QueueARN": queue, "Limit": 1});
        let some = |answer: &Value| answer["QueueRecords"][0].is_object();
        let record = world.until("ReceiveQueueRecords", one, some).await["QueueRecords"][0].clone();
        if acknowledged {
            let entries = json!([{"Id": "a", "ReceiptHandle": record["ReceiptHandle"]}]);
            let body = json!({"QueueARN": queue, "Entries": entries});
            world.kinesis("AcknowledgeQueueRecords", body).await;
        }
    }
}

/// A table, users, a key, a metric.
async fn others(world: &World) {
    let create = json!({
        "TableName": "leases", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "lease", "AttributeType": "S"}, {"AttributeName": "owner", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "lease", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by_owner", "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }],
    });
    world.dynamodb("CreateTable", create).await;
    let item = json!({
        "lease": {"S": "first"}, "owner": {"S": "ada"}, "counter": {"N": "1234567890.123"}, "bytes": {"B": "AAEC"},
        "deep": {"M": {"list": {"L": [{"BOOL": true}, {"NULL": true}, {"SS": ["a", "b"]}]}}},
    });
    world
        .dynamodb("PutItem", json!({"TableName": "leases", "Item": item}))
        .await;
    let call = |op, body| world.call(&iam::SERVICE, op, body);
    call("CreateUser", json!({"UserName": "ada"})).await;
    call("CreateAccessKey", json!({"UserName": "ada"})).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kinesis:Get*", "Resource": "*"},
    ]});
    let body = json!({"UserName": "ada", "PolicyName": "reads", "PolicyDocument": policy.to_string()});
    call("PutUserPolicy", body).await;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/ada")}, "Action": "sts:AssumeRole"},
    ]});
    let body = json!({"RoleName": "deliver", "AssumeRolePolicyDocument": trust.to_string()});
    call("CreateRole", body).await;
    let key = world
        .call(&kms::SERVICE, "CreateKey", json!({"Description": "of a fixture"}))
        .await;
    let alias = json!({"AliasName": "alias/mine", "TargetKeyId": key["KeyMetadata"]["KeyId"]});
    world.call(&kms::SERVICE, "CreateAlias", alias).await;
    for value in [20.5, 21.5] {
        let datum =
            json!({"MetricName": "temperature", "Value": value, "Timestamp": world.clock.now().seconds()});
        let body = json!({"Namespace": "mine", "MetricData": [datum]});
        world.call(&cloudwatch::SERVICE, "PutMetricData", body).await;
    }
}

/// Takes a snapshot of the control plane, which a server does after thousands of commands only.
async fn snapshot(data: &Path, now: Timestamp) {
    let clock = Arc::new(ManualClock::new(now));
    let options = Options::in_dir(data.join("log"), clock, Arc::new(SystemRng)).unwrap();
    let log = Arc::new(EmbeddedLog::open(options).await.unwrap());
    let blobs = Blobs::local(&data.join("blobs")).unwrap();
    let tasks = Tasks::new();
    let mut builder = Control::builder(
        log.clone(),
        CONTROL_LOG,
        blobs,
        tasks.clone(),
        ControlOptions::default(),
    );
    let _parts = Parts::of(&mut builder);
    let control = builder.open().await.unwrap();
    assert!(control.snapshot_now().await.unwrap() > 10);
    assert!(tasks.drain(Duration::from_secs(10)).await);
    log.close().await;
}

/// Copies what a fixture keeps; segments lose the zeros at their ends.
fn keep(from: &Path, to: &Path, segments: &mut BTreeMap<String, u64>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let (from, to) = (entry.path(), to.join(&name));
        if from.is_dir() {
            keep(&from, &to, segments);
            continue;
        }
        if name == "LOCK" {
            continue;
        }
        let mut bytes = std::fs::read(&from).unwrap();
        if name.starts_with("wal-") {
            segments.insert(name, bytes.len() as u64);
            let used = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            bytes.truncate(used);
        }
        std::fs::write(&to, bytes).unwrap();
    }
}

//! Records of encrypted streams: what is stored, who can read it, and what happens when the key cannot be used.

use std::sync::Arc;
use std::time::Duration;

use millrace_base::{ManualClock, SeededRng, Timestamp};
use millrace_log::embedded::Options as LogOptions;
use millrace_log::{Batch, EmbeddedLog, Log, ReadLimits};
use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{
    BOTH, FIRST, Frame, HALF, b64, consumer, data, drain, get, horizon, iterator, ok_in, put, split,
    subscribe,
};
use crate::world::{self, World, settings};

const DEFAULT: &str = "alias/aws/kinesis";
const REALM: &str = "arn:aws:kms:us-east-1:000000000000:";
const DAY: Duration = Duration::from_secs(86_400);
/// How long a local key that was unwrapped may be used, and how long a refusal is passed on.
const FRESH: Duration = Duration::from_secs(1);
const ALL: ReadLimits = ReadLimits {
    bytes: usize::MAX,
    records: usize::MAX,
};

async fn change(world: &World, op: &str) {
    world
        .ok(
            op,
            json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": DEFAULT}),
        )
        .await;
    world.reaches("s", "ACTIVE").await;
}

async fn start(world: &World) {
    change(world, "StartStreamEncryption").await;
}

/// A world with an active, encrypted stream `s`.
async fn encrypted(shards: u32) -> World {
    let world = world::open(Profile::Open).await;
    world.active("s", shards).await;
    start(&world).await;
    world
}

/// Data and encryption type of records.
fn types(records: &[Value]) -> Vec<(String, Option<String>)> {
    let kind = |record: &Value| {
        record
            .get("EncryptionType")
            .map(|kind| kind.as_str().unwrap().to_owned())
    };
    let records_of = json!({ "Records": records });
    data(&records_of)
        .into_iter()
        .zip(records.iter().map(kind))
        .collect()
}

fn kms(data: &str) -> (String, Option<String>) {
    (data.to_owned(), Some("KMS".to_owned()))
}

fn plain(data: &str) -> (String, Option<String>) {
    (data.to_owned(), None)
}

fn one(data: &str) -> Value {
    json!({"StreamName": "s", "Data": b64(data), "PartitionKey": "k"})
}

#[tokio::test]
async fn records_are_encrypted_from_the_start_to_the_stop() {
    for codec in BOTH {
        let world = world::open(Profile::Open).await;
        world.active("s", 1).await;
        let arn = consumer(&world, "c").await;
        let many =
            |data: &str| json!({"StreamName": "s", "Records": [{"Data": b64(data), "PartitionKey": "ключ"}]});
        let mut expected = Vec::new();
        for (change_to, kind) in [
            (None, "NONE"),
            (Some("Start"), "KMS"),
            (Some("Stop"), "NONE"),
            (Some("Start"), "KMS"),
        ] {
            if let Some(change_to) = change_to {
                change(&world, &format!("{change_to}StreamEncryption")).await;
            }
            let answer = ok_in(&world, codec, "PutRecord", one("one")).await;
            assert_eq!(answer["EncryptionType"], kind);
            let answer = ok_in(&world, codec, "PutRecords", many("two")).await;
            assert_eq!(
                (&answer["EncryptionType"], &answer["FailedRecordCount"]),
                (&json!(kind), &json!(0))
            );
            expected.extend(["one", "two"].map(if kind == "KMS" { kms } else { plain }));
        }
        let first = iterator(&world, FIRST, horizon()).await;
        let answer = ok_in(&world, codec, "GetRecords", json!({"ShardIterator": first})).await;
        let records = answer["Records"].as_array().unwrap();
        assert_eq!(types(records), expected);
        assert!(
            records
                .iter()
                .step_by(2)
                .all(|record| record["PartitionKey"] == "k")
        );
        assert!(
            records
                .iter()
                .skip(1)
                .step_by(2)
                .all(|record| record["PartitionKey"] == "ключ")
        );
        let mut subscription = subscribe(&world, &arn, FIRST, json!({"Type": "TRIM_HORIZON"}))
            .await
            .unwrap();
        let event = subscription.event().await;
        assert_eq!(types(event["Records"].as_array().unwrap()), expected);
        let metrics = world.streams.metrics();
        assert_eq!(
            (metrics.sealed_records.get(), metrics.opened_records.get()),
            (4, 8)
        );
        // Two starts made a key each; each was unwrapped once and then held ready.
        assert_eq!(
            (metrics.data_keys_made.get(), metrics.data_keys_unwrapped.get()),
            (2, 2)
        );
        assert_eq!(
            (metrics.corrupt_records.get(), metrics.key_failures.get()),
            (0, 0)
        );
    }
}

#[tokio::test]
async fn everything_can_be_read_after_a_restart_and_on_another_node() {
    let world = encrypted(1).await;
    put(&world, "k", &["a"]).await;
    let second = world.second(settings(Profile::Open, Duration::ZERO)).await;
    assert_eq!(types(&drain(&second, FIRST).await), [kms("a")]);
    put(&second, "k", &["b"]).await;
    assert_eq!(types(&drain(&world, FIRST).await), [kms("a"), kms("b")]);
    drop(second);
    let world = world.restart(settings(Profile::Open, Duration::ZERO)).await;
    put(&world, "k", &["c"]).await;
    assert_eq!(types(&drain(&world, FIRST).await), [kms("a"), kms("b"), kms("c")]);
}

#[tokio::test]
async fn records_follow_their_shard_s_children() {
    let world = encrypted(1).await;
    put(&world, "a", &["before"]).await;
    split(&world, FIRST, HALF).await;
    put(&world, "a", &["after"]).await;
    assert_eq!(types(&drain(&world, FIRST).await), [kms("before")]);
    let children = [
        drain(&world, "shardId-000000000001").await,
        drain(&world, "shardId-000000000002").await,
    ];
    assert_eq!(types(&children.concat()), [kms("after")]);
}

#[tokio::test]
async fn sizes_are_those_of_what_was_put() {
    let world = encrypted(1).await;
    let largest = "x".repeat((1 << 20) - 1);
    world.ok("PutRecord", one(&largest)).await;
    let refused = world.refused("PutRecord", one(&format!("{largest}x"))).await;
    assert!(refused.starts_with("InvalidArgumentException: "), "{refused}");
    let metrics = world.streams.metrics();
    assert_eq!(metrics.incoming_bytes.get(), 1 << 20);
    assert_eq!(types(&drain(&world, FIRST).await), [kms(&largest)]);
    assert_eq!(metrics.outgoing_bytes.get(), (1 << 20) - 1);
    // The largest request there is.
    let arn = format!("arn:aws:kinesis:{}:{}:stream/s", world::REGION, world::ACCOUNT);
    world
        .ok(
            "UpdateMaxRecordSize",
            json!({"StreamARN": arn, "MaxRecordSizeInKiB": 10_240}),
        )
        .await;
    let largest = "y".repeat((10 << 20) - 1);
    world.ok("PutRecord", one(&largest)).await;
    assert_eq!(types(&drain(&world, FIRST).await)[1], kms(&largest));
}

#[tokio::test]
async fn a_key_that_is_disabled_stops_everything_and_loses_nothing() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let arn = consumer(&world, "c").await;
    put(&world, "k", &["open"]).await;
    start(&world).await;
    put(&world, "k", &["secret"]).await;
    let first = iterator(&world, FIRST, horizon()).await;
    let behind = get(&world, &first).await["NextShardIterator"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(get(&world, &behind).await["Records"], json!([]));
    let mut subscription = subscribe(&world, &arn, FIRST, json!({"Type": "TRIM_HORIZON"}))
        .await
        .unwrap();
    assert_eq!(data(&subscription.event().await), ["open", "secret"]);

    world.keys.set_enabled(REALM, DEFAULT, false).unwrap();
    put(&world, "k", &["a moment later"]).await;
    world.clock.advance(FRESH);
    let name = world.keys.list(None)[0].name.clone();
    let disabled = format!("KMSDisabledException: {name} is disabled.");
    let records = json!([{"Data": b64("x"), "PartitionKey": "k"}]);
    let reading = json!({"ShardIterator": behind});
    assert_eq!(world.refused("PutRecord", one("x")).await, disabled);
    assert_eq!(
        world
            .refused("PutRecords", json!({"StreamName": "s", "Records": records}))
            .await,
        disabled
    );
    assert_eq!(world.refused("GetRecords", reading.clone()).await, disabled);
    let Some(Frame::Exception(kind, message)) = subscription.next().await else {
        panic!("the subscriber is told, too")
    };
    assert_eq!(format!("{kind}: {message}"), disabled);
    assert_eq!(subscription.next().await, None);
    // What is not encrypted can be read as before, up to what is.
    let answer = get(&world, &first).await;
    assert_eq!(data(&answer), ["open"]);
    let next = answer["NextShardIterator"].as_str().unwrap();
    assert_eq!(
        world.refused("GetRecords", json!({"ShardIterator": next})).await,
        disabled
    );

    world.keys.set_enabled(REALM, DEFAULT, true).unwrap();
    world.clock.advance(FRESH);
    put(&world, "k", &["again"]).await;
    assert_eq!(
        types(&drain(&world, FIRST).await),
        [plain("open"), kms("secret"), kms("a moment later"), kms("again")]
    );
    assert_eq!(
        data(&get(&world, next).await),
        ["secret", "a moment later", "again"]
    );
    assert_eq!(
        data(&get(&world, &behind).await),
        ["a moment later", "again"],
        "the iterator stays good"
    );
}

#[tokio::test]
async fn encryption_can_be_stopped_while_its_key_cannot_be_used() {
    let world = encrypted(1).await;
    world.keys.schedule_deletion(REALM, DEFAULT, DAY).unwrap();
    world.clock.advance(FRESH);
    let refused = world.refused("PutRecord", one("x")).await;
    assert!(
        refused.starts_with("KMSInvalidStateException: ") && refused.ends_with("is pending deletion."),
        "{refused}"
    );
    change(&world, "StopStreamEncryption").await;
    put(&world, "k", &["open"]).await;
    assert_eq!(types(&drain(&world, FIRST).await), [plain("open")]);
}

#[tokio::test]
async fn a_key_that_is_gone_takes_its_records_along_and_nothing_else() {
    let world = encrypted(1).await;
    put(&world, "k", &["lost"]).await;
    change(&world, "StopStreamEncryption").await;
    put(&world, "k", &["kept"]).await;
    world.keys.schedule_deletion(REALM, DEFAULT, FRESH).unwrap();
    world.clock.advance(FRESH);
    world.keys.remove(REALM, DEFAULT).unwrap();
    let first = iterator(&world, FIRST, horizon()).await;
    let refused = world.refused("GetRecords", json!({"ShardIterator": first})).await;
    assert!(
        refused.starts_with("KMSNotFoundException: Key 'arn:aws:kms:"),
        "{refused}"
    );
    let behind = iterator(&world, FIRST, json!({"ShardIteratorType": "LATEST"})).await;
    put(&world, "k", &["new"]).await;
    assert_eq!(data(&get(&world, &behind).await), ["new"]);
}

#[tokio::test]
async fn the_master_key_and_the_data_key_are_replaced() {
    let world = encrypted(1).await;
    let arn = format!("arn:aws:kinesis:{}:{}:stream/s", world::REGION, world::ACCOUNT);
    let keep = json!({"StreamARN": arn, "RetentionPeriodHours": 72});
    world.ok("IncreaseStreamRetentionPeriod", keep).await;
    put(&world, "k", &["first"]).await;
    world.keys.rotate(REALM, DEFAULT).unwrap();
    world.clock.advance(FRESH);
    put(&world, "k", &["second"]).await;
    let keys = |world: &World| {
        world.control.read(|state| {
            let encryption = &state.stream(&World::key("s")).unwrap().encryption;
            encryption
                .data_keys
                .keys()
                .map(|number| number.0)
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(
        keys(&world),
        [0],
        "another version of the master key is no reason"
    );
    world.clock.advance(DAY);
    put(&world, "k", &["third"]).await;
    let two = |state: &millrace_streams::StreamsState| {
        state.stream(&World::key("s")).unwrap().encryption.data_keys.len() == 2
    };
    world.until(two).await;
    put(&world, "k", &["fourth"]).await;
    let world = world.restart(settings(Profile::Open, Duration::ZERO)).await;
    assert_eq!(
        types(&drain(&world, FIRST).await),
        ["first", "second", "third", "fourth"].map(kms)
    );
    let numbers: Vec<u32> = raw(&world, 0)
        .await
        .iter()
        .map(|bytes| u32::from(bytes[5]))
        .collect();
    assert_eq!(numbers, [0, 0, 0, 1]);
    // When the last record under it is older than retention, a data key goes.
    world.clock.advance(3 * DAY);
    assert_eq!(keys(&world), [0, 1]);
    world.clock.advance(Duration::from_secs(3600));
    let one = |state: &millrace_streams::StreamsState| {
        state.stream(&World::key("s")).unwrap().encryption.data_keys.len() == 1
    };
    world.until(one).await;
    assert_eq!(keys(&world), [1], "the one in use stays");
}

/// What a shard's log holds.
async fn raw(world: &World, shard: usize) -> Vec<Vec<u8>> {
    let log = world.logs("s")[shard].id();
    let chunk = world.log.read(log, 0, ALL).await.unwrap();
    chunk.entries.iter().map(|entry| entry.bytes.to_vec()).collect()
}

#[tokio::test]
async fn a_record_that_was_moved_or_damaged_is_not_read() {
    let world = encrypted(2).await;
    world.active("t", 1).await;
    world
        .ok(
            "StartStreamEncryption",
            json!({"StreamName": "t", "EncryptionType": "KMS", "KeyId": DEFAULT}),
        )
        .await;
    world.reaches("t", "ACTIVE").await;
    let record = |stream: &str, hash: &str, data: &str| json!({"StreamName": stream, "Data": b64(data), "PartitionKey": "k", "ExplicitHashKey": hash});
    world.ok("PutRecord", record("s", "0", "here")).await;
    world.ok("PutRecord", record("s", HALF, "there")).await;
    world.ok("PutRecord", record("t", "0", "elsewhere")).await;
    let (here, there) = (raw(&world, 0).await.remove(0), raw(&world, 1).await.remove(0));
    let elsewhere = world
        .log
        .read(world.logs("t")[0].id(), 0, ALL)
        .await
        .unwrap()
        .entries[0]
        .bytes
        .to_vec();
    let (mut damaged, mut unknown, mut cut) = (here.clone(), here.clone(), here.clone());
    *damaged.last_mut().unwrap() ^= 1;
    unknown[4] = 77;
    cut.truncate(20);
    let wrong = [
        there,
        elsewhere,
        damaged,
        unknown,
        cut,
        vec![2],
        vec![2, 0, 0, 0, 0, 0],
    ];
    let mut all = wrong.to_vec();
    all.push(here);
    world
        .log
        .append(world.logs("s")[0].id(), Batch::of(&all))
        .await
        .unwrap();
    put(&world, "a", &["behind"]).await;
    let mut seen = data(&json!({"Records": drain(&world, FIRST).await}));
    seen.retain(|data| data != "behind");
    // The same bytes in the same log are the one thing that is not noticed.
    assert_eq!(seen, ["here", "here"]);
    assert_eq!(world.streams.metrics().corrupt_records.get(), wrong.len() as u64);
}

/// Whether any file below a directory has these bytes.
fn found(dir: &std::path::Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return found(&path, needle);
        }
        let bytes = std::fs::read(path).unwrap();
        memchr::memmem::find(&bytes, needle).is_some()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_record_is_on_the_disk_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(Timestamp(world::START));
    let options = LogOptions::in_dir(
        dir.path().join("log"),
        Arc::new(clock.clone()),
        Arc::new(SeededRng::new(3)),
    );
    let log = Arc::new(EmbeddedLog::open(options.unwrap()).await.unwrap());
    let settings = settings(Profile::Open, Duration::ZERO);
    let world = world::over(clock, Arc::clone(&log) as Arc<dyn Log>, settings).await;
    world.active("s", 1).await;
    put(&world, "key-in-clear", &["data-in-clear"]).await;
    start(&world).await;
    let secrets: Vec<String> = (0..50).map(|i| format!("marker-of-data-{i}")).collect();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    put(&world, "marker-of-key", &secrets).await;
    assert_eq!(data(&json!({"Records": drain(&world, FIRST).await})).len(), 51);
    log.close().await;
    for (needle, expected) in [
        ("data-in-clear", true),
        ("key-in-clear", true),
        ("marker-of-data", false),
        ("marker-of-key", false),
    ] {
        assert_eq!(found(dir.path(), needle.as_bytes()), expected, "{needle}");
    }
}

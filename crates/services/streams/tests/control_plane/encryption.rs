//! StartStreamEncryption and StopStreamEncryption: what they change, and what they refuse.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::world::{self, ACCOUNT, REGION, World, caller, settings};

const DEFAULT: &str = "alias/aws/kinesis";
const REALM: &str = "arn:aws:kms:us-east-1:000000000000:";

fn with(key: &str) -> Value {
    json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": key})
}

/// `EncryptionType` and `KeyId`, which both descriptions tell alike.
async fn described(world: &World) -> (Value, Value) {
    let both = [
        ("DescribeStreamSummary", "StreamDescriptionSummary"),
        ("DescribeStream", "StreamDescription"),
    ];
    let mut found = Vec::new();
    for (op, member) in both {
        let answer = world.ok(op, json!({"StreamName": "s"})).await;
        let stream = &answer[member];
        found.push((stream["EncryptionType"].clone(), stream["KeyId"].clone()));
    }
    assert_eq!(found[0], found[1]);
    found.remove(0)
}

async fn start(world: &World, key: &str) {
    assert_eq!(world.ok("StartStreamEncryption", with(key)).await, Value::Null);
    world.reaches("s", "ACTIVE").await;
}

#[tokio::test]
async fn a_stream_is_updating_until_the_change_takes_effect() {
    let world = world::with(settings(Profile::Open, Duration::from_secs(5))).await;
    world
        .ok("CreateStream", json!({"StreamName": "s", "ShardCount": 1}))
        .await;
    world.clock.advance(Duration::from_secs(5));
    world.reaches("s", "ACTIVE").await;
    let none = (json!("NONE"), Value::Null);
    let encrypted = (json!("KMS"), json!(DEFAULT));
    assert_eq!(described(&world).await, none);
    for (op, before, after) in [
        ("StartStreamEncryption", &none, &encrypted),
        ("StopStreamEncryption", &encrypted, &none),
    ] {
        world.ok(op, with(DEFAULT)).await;
        assert_eq!(world.status("s").await, "UPDATING");
        assert_eq!(&described(&world).await, before);
        for op in ["StartStreamEncryption", "StopStreamEncryption"] {
            let refused = world.refused(op, with(DEFAULT)).await;
            assert_eq!(
                refused,
                "ResourceInUseException: Stream s under account 000000000000 not ACTIVE, instead in state UPDATING"
            );
        }
        world.clock.advance(Duration::from_secs(5));
        world.reaches("s", "ACTIVE").await;
        assert_eq!(&described(&world).await, after);
    }
}

#[tokio::test]
async fn a_change_under_way_survives_a_restart_and_a_deletion_overtakes_it() {
    let slow = settings(Profile::Open, Duration::from_secs(5));
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let world = world.restart(slow.clone()).await;
    world.ok("StartStreamEncryption", with(DEFAULT)).await;
    let world = world.restart(settings(Profile::Open, Duration::ZERO)).await;
    world.reaches("s", "ACTIVE").await;
    assert_eq!(described(&world).await.0, "KMS");
    let world = world.restart(slow).await;
    world.ok("StopStreamEncryption", with(DEFAULT)).await;
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    let world = world.restart(settings(Profile::Open, Duration::ZERO)).await;
    world.reaches("s", "ResourceNotFoundException").await;
    // A stream of that name begins anew.
    world.active("s", 1).await;
    assert_eq!(described(&world).await.0, "NONE");
}

#[tokio::test]
async fn a_key_can_be_named_in_four_ways_and_changed() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let made = world.keys.create(REALM, "", false).unwrap();
    world.keys.set_alias(REALM, "alias/mine", &made.id).unwrap();
    let alias = format!("{REALM}alias/mine");
    let names = ["alias/mine", alias.as_str(), made.id.as_str(), made.name.as_str()];
    for (i, name) in names.into_iter().enumerate() {
        start(&world, name).await;
        assert_eq!(
            described(&world).await,
            (json!("KMS"), json!(name)),
            "as it was given"
        );
        // By any of its names encryption can be stopped.
        let other = names[(i + 1) % names.len()];
        world.ok("StopStreamEncryption", with(other)).await;
        world.reaches("s", "ACTIVE").await;
    }
    start(&world, "alias/mine").await;
    start(&world, DEFAULT).await;
    assert_eq!(described(&world).await.1, DEFAULT);
    let refused = world.refused("StopStreamEncryption", with("alias/mine")).await;
    assert!(
        refused.starts_with("InvalidArgumentException: KeyId alias/mine is not the key"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = world::open(Profile::Open).await;
    for op in ["StartStreamEncryption", "StopStreamEncryption"] {
        let refused = world.refused(op, with(DEFAULT)).await;
        assert_eq!(
            refused,
            "ResourceNotFoundException: Stream s under account 000000000000 not found."
        );
    }
    world.active("s", 1).await;
    for (op, member, value, expected) in [
        (
            "StartStreamEncryption",
            "EncryptionType",
            json!("NONE"),
            "InvalidArgumentException: ",
        ),
        (
            "StopStreamEncryption",
            "EncryptionType",
            json!("NONE"),
            "InvalidArgumentException: ",
        ),
        (
            "StartStreamEncryption",
            "EncryptionType",
            json!("ROT13"),
            "ValidationException: ",
        ),
        (
            "StartStreamEncryption",
            "KeyId",
            Value::Null,
            "ValidationException: ",
        ),
        (
            "StartStreamEncryption",
            "KeyId",
            json!(""),
            "ValidationException: ",
        ),
        (
            "StartStreamEncryption",
            "StreamName",
            Value::Null,
            "InvalidArgumentException: ",
        ),
        (
            "StopStreamEncryption",
            "KeyId",
            json!(DEFAULT),
            "InvalidArgumentException: Stream s under account 000000000000 is not encrypted.",
        ),
    ] {
        let mut body = with(DEFAULT);
        body[member] = value;
        let refused = world.refused(op, body).await;
        assert!(refused.starts_with(expected), "{op} {member}: {refused}");
    }
    assert_eq!(world.status("s").await, "ACTIVE");
    assert_eq!(described(&world).await.0, "NONE");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_told_of_at_once() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let keys = &world.keys;
    let made = keys.create(REALM, "", false).unwrap();
    let theirs = keys
        .create("arn:aws:kms:us-east-1:111111111111:", "", false)
        .unwrap();
    let imported = keys.create(REALM, "", true).unwrap();
    let nobody = "12345678-1234-1234-1234-123456789012";
    for (key, expected) in [
        (
            "alias/none",
            format!("KMSNotFoundException: Alias {REALM}alias/none is not found."),
        ),
        (
            nobody,
            format!("KMSNotFoundException: Key '{REALM}key/{nobody}' does not exist"),
        ),
        ("none", "KMSNotFoundException: Invalid keyId 'none'".to_owned()),
        (
            &theirs.name,
            "KMSAccessDeniedException: The ciphertext refers to".to_owned(),
        ),
        (
            &imported.id,
            format!("KMSInvalidStateException: {} is pending import.", imported.name),
        ),
    ] {
        let refused = world.refused("StartStreamEncryption", with(key)).await;
        assert!(refused.starts_with(&expected), "{refused}");
    }
    keys.set_enabled(REALM, &made.id, false).unwrap();
    let refused = world.refused("StartStreamEncryption", with(&made.id)).await;
    assert_eq!(
        refused,
        format!("KMSDisabledException: {} is disabled.", made.name)
    );
    keys.schedule_deletion(REALM, &made.id, Duration::from_secs(1))
        .unwrap();
    let refused = world.refused("StartStreamEncryption", with(&made.id)).await;
    assert_eq!(
        refused,
        format!("KMSInvalidStateException: {} is pending deletion.", made.name)
    );
    assert_eq!(world.status("s").await, "ACTIVE");
    assert_eq!(world.streams.metrics().key_failures.get(), 7);
}

#[tokio::test]
async fn twenty_five_changes_a_day_are_the_limit_of_aws() {
    let world = world::open(Profile::Aws).await;
    world.active("s", 1).await;
    for _ in 0..25 {
        start(&world, DEFAULT).await;
        // Five calls a second are the limit, too.
        world.clock.advance(Duration::from_secs(1));
    }
    let refused = world.refused("StartStreamEncryption", with(DEFAULT)).await;
    assert!(
        refused.starts_with("LimitExceededException: StartStreamEncryption was called 25 times"),
        "{refused}"
    );
    world.ok("StopStreamEncryption", with(DEFAULT)).await;
    world.reaches("s", "ACTIVE").await;
    world.clock.advance(Duration::from_secs(86_400));
    start(&world, DEFAULT).await;
}

#[tokio::test]
async fn every_account_and_region_has_a_default_key_of_its_own() {
    let world = world::open(Profile::Open).await;
    for (account, region) in [
        (ACCOUNT, REGION),
        (ACCOUNT, "eu-west-1"),
        ("111111111111", REGION),
    ] {
        let caller = caller(account, region);
        let call = |op, body| world.call_as(&caller, op, body);
        call("CreateStream", json!({"StreamName": "s", "ShardCount": 1}))
            .await
            .unwrap();
        let mut changed = world.streams.changed();
        while call("StartStreamEncryption", with(DEFAULT)).await.is_err() {
            changed.changed().await.unwrap();
        }
    }
    let mut names: Vec<String> = world
        .keys
        .list(None)
        .into_iter()
        .flat_map(|key| key.aliases)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "arn:aws:kms:eu-west-1:000000000000:alias/aws/kinesis",
            "arn:aws:kms:us-east-1:000000000000:alias/aws/kinesis",
            "arn:aws:kms:us-east-1:111111111111:alias/aws/kinesis",
        ]
    );
}

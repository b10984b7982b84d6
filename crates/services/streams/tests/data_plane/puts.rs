//! PutRecord and PutRecords.

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{ARN, BOTH, FIRST, HALF, b64, data, drain, get, horizon, iterator, ok_in, put, split};
use crate::world::{self, World};

#[tokio::test]
async fn records_are_read_as_they_were_put() {
    for codec in BOTH {
        let world = world::open(Profile::Open).await;
        world.active("s", 1).await;
        let one = json!({"StreamName": "s", "Data": b64("one"), "PartitionKey": "k1"});
        let first = ok_in(&world, codec, "PutRecord", one).await;
        assert_eq!(first["ShardId"], FIRST);
        assert_eq!(first["EncryptionType"], "NONE");
        let many = json!({"StreamARN": ARN, "Records": [
            {"Data": b64("two"), "PartitionKey": "käse \"\u{1}"},
            {"Data": "", "PartitionKey": "k3", "ExplicitHashKey": "7"},
        ]});
        let others = ok_in(&world, codec, "PutRecords", many).await;
        assert_eq!(others["FailedRecordCount"], 0);
        assert_eq!(others["EncryptionType"], "NONE");
        let from = iterator(&world, FIRST, horizon()).await;
        let answer = ok_in(&world, codec, "GetRecords", json!({"ShardIterator": from})).await;
        assert_eq!(data(&answer), ["one", "two", ""]);
        let records = answer["Records"].as_array().unwrap();
        let keys: Vec<&Value> = records.iter().map(|record| &record["PartitionKey"]).collect();
        assert_eq!(keys, ["k1", "käse \"\u{1}", "k3"]);
        let numbers: Vec<&str> = records
            .iter()
            .map(|record| record["SequenceNumber"].as_str().unwrap())
            .collect();
        assert_eq!(numbers[0], first["SequenceNumber"]);
        assert_eq!(numbers[1], others["Records"][0]["SequenceNumber"]);
        assert_eq!(numbers[2], others["Records"][1]["SequenceNumber"]);
        assert!(numbers.iter().all(|number| number.len() == 56));
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let starting =
            world.shards("s", Value::Null, 10).await[0]["SequenceNumberRange"]["StartingSequenceNumber"]
                .clone();
        assert!(starting.as_str().unwrap() < numbers[0]);
        for record in records {
            let time = record["ApproximateArrivalTimestamp"].as_f64().unwrap();
            assert!((time - world.now()).abs() < 0.001, "{time}");
        }
    }
}

#[tokio::test]
async fn keys_and_hash_keys_lead_to_their_shards() {
    let world = world::open(Profile::Open).await;
    world.active("s", 2).await;
    // MD5 of "a" begins with 0c, that of "b" with 92.
    let record = |key: &str, hash: Option<&str>| {
        let mut record = json!({"Data": "", "PartitionKey": key});
        if let Some(hash) = hash {
            record["ExplicitHashKey"] = json!(hash);
        }
        record
    };
    let last_of_first = "170141183460469231731687303715884105727";
    let top = u128::MAX.to_string();
    let records = [
        record("a", None),
        record("b", None),
        record("b", Some("0")),
        record("a", Some(last_of_first)),
        record("a", Some(HALF)),
        record("a", Some(&top)),
    ];
    for codec in BOTH {
        let body = json!({"StreamName": "s", "Records": records});
        let answer = ok_in(&world, codec, "PutRecords", body).await;
        let shards: Vec<&str> = answer["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["ShardId"].as_str().unwrap().trim_start_matches("shardId-"))
            .map(|shard| shard.trim_start_matches('0'))
            .collect();
        assert_eq!(shards, ["", "1", "", "", "1", "1"]);
    }
}

async fn is_empty(world: &World) -> bool {
    let mut all = Vec::new();
    for shard in world.shards("s", Value::Null, 100).await {
        all.extend(drain(world, shard["ShardId"].as_str().unwrap()).await);
    }
    all.is_empty()
}

#[tokio::test]
async fn one_bad_record_refuses_them_all() {
    let world = world::open(Profile::Open).await;
    world.active("s", 2).await;
    let good = json!({"Data": b64("x"), "PartitionKey": "a"});
    let big = "x".repeat((1 << 20) + 1);
    for (bad, said) in [
        (
            json!({"Data": "aG*=", "PartitionKey": "b"}),
            "SerializationException: 'aG*=' can not be converted to a Blob",
        ),
        (
            json!({"Data": "aG==aG==", "PartitionKey": "b"}),
            "SerializationException: 'aG==aG==' can not be converted to a Blob",
        ),
        (
            json!({"Data": "aGk", "PartitionKey": "b"}),
            "SerializationException: 'aGk' can not be converted to a Blob: Base64 encoded length is expected a \
             multiple of 4 bytes but found: 3",
        ),
        (
            json!({"Data": "", "PartitionKey": "k".repeat(257)}),
            "at 'records.2.member.partitionKey' failed to satisfy constraint: Member must have length less than or \
             equal to 256",
        ),
        (
            json!({"Data": "", "PartitionKey": "b", "ExplicitHashKey": "340282366920938463463374607431768211456"}),
            "InvalidArgumentException: Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. \
             Specified value was 340282366920938463463374607431768211456",
        ),
        (
            json!({"Data": b64(&big), "PartitionKey": "b"}),
            "InvalidArgumentException: Record of 1048578 bytes",
        ),
        (
            json!({"Data": ""}),
            "InvalidArgumentException: PartitionKey must be given",
        ),
    ] {
        let refusal = world
            .refused("PutRecords", json!({"StreamName": "s", "Records": [good, bad]}))
            .await;
        assert!(refusal.contains(said), "{refusal}");
        assert!(is_empty(&world).await, "{said}");
    }
    assert_eq!(world.streams.metrics().incoming_records.get(), 0);
}

#[tokio::test]
async fn sizes_are_counted_with_their_keys() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let fits = "x".repeat((1 << 20) - 1);
    let record = json!({"Data": b64(&fits), "PartitionKey": "k"});
    for codec in BOTH {
        let ten = json!({"StreamName": "s", "Records": vec![record.clone(); 10]});
        let answer = ok_in(&world, codec, "PutRecords", ten).await;
        assert_eq!(answer["FailedRecordCount"], 0);
    }
    let mut eleven = vec![record; 10];
    eleven.push(json!({"Data": "", "PartitionKey": "k"}));
    let refusal = world
        .refused("PutRecords", json!({"StreamName": "s", "Records": eleven}))
        .await;
    assert!(
        refusal.starts_with("InvalidArgumentException: Records of 10485761 bytes in one request"),
        "{refusal}"
    );
    assert_eq!(drain(&world, FIRST).await.len(), 20);
}

#[tokio::test]
async fn streams_that_take_no_data_are_not_found() {
    let world = world::open(Profile::Open).await;
    let body = json!({"StreamName": "s", "Data": "", "PartitionKey": "k"});
    assert_eq!(
        world.refused("PutRecord", body.clone()).await,
        "ResourceNotFoundException: Stream s under account 000000000000 not found."
    );
    world.active("s", 1).await;
    world.ok("PutRecord", body.clone()).await;
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    assert!(
        world
            .refused("PutRecord", body)
            .await
            .starts_with("ResourceNotFoundException")
    );
}

#[tokio::test]
async fn a_dry_run_checks_and_stores_nothing() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let record = json!({"Data": "", "PartitionKey": "k"});
    for (op, mut body) in [
        ("PutRecord", record.clone()),
        ("PutRecords", json!({"Records": [record]})),
    ] {
        body["StreamName"] = json!("s");
        body["DryRun"] = json!(true);
        assert!(
            world
                .refused(op, body.clone())
                .await
                .starts_with("DryRunOperationException")
        );
        body["StreamName"] = json!("other");
        assert!(
            world
                .refused(op, body)
                .await
                .starts_with("ResourceNotFoundException")
        );
    }
    assert!(is_empty(&world).await);
}

#[tokio::test]
async fn an_ordering_number_must_be_one_of_the_stream() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let known = put(&world, "k", &["a"]).await.remove(0);
    let body = |number: &str| json!({"StreamName": "s", "Data": "", "PartitionKey": "k", "SequenceNumberForOrdering": number});
    let answer = world.ok("PutRecord", body(&known)).await;
    assert!(answer["SequenceNumber"].as_str().unwrap() > known.as_str());
    split(&world, FIRST, HALF).await;
    let in_child = world.ok("PutRecord", body(&known)).await["SequenceNumber"].clone();
    assert!(
        in_child.as_str().unwrap() > known.as_str(),
        "a child's numbers are greater"
    );
    // One behind the newest: nobody can have seen it. And one that is none at all.
    let unseen = world.shards("s", Value::Null, 10).await[0]["SequenceNumberRange"]["EndingSequenceNumber"]
        .as_str()
        .unwrap()
        .to_owned();
    for number in [unseen.as_str(), "17"] {
        assert_eq!(
            world.refused("PutRecord", body(number)).await,
            format!(
                "InvalidArgumentException: ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream s under \
                 account 000000000000 is invalid."
            )
        );
    }
}

#[tokio::test]
async fn a_request_over_many_shards_keeps_its_order() {
    let world = world::open(Profile::Open).await;
    world.active("s", 16).await;
    let records: Vec<Value> = (0..500)
        .map(|i| json!({"Data": b64(i.to_string()), "PartitionKey": format!("k{}", i % 50)}))
        .collect();
    let answer = world
        .ok("PutRecords", json!({"StreamName": "s", "Records": records}))
        .await;
    let results = answer["Records"].as_array().unwrap();
    assert_eq!(results.len(), 500);
    let mut found = 0;
    for shard in world.shards("s", Value::Null, 100).await {
        let id = shard["ShardId"].as_str().unwrap();
        let next = iterator(&world, id, horizon()).await;
        let answer = get(&world, &next).await;
        let mut last = None;
        for record in answer["Records"].as_array().unwrap() {
            let at: usize = crate::plane::plain(&record["Data"]).parse().unwrap();
            assert_eq!(results[at]["ShardId"], id);
            assert_eq!(results[at]["SequenceNumber"], record["SequenceNumber"]);
            assert!(last < Some(at), "order within a shard is the request's");
            last = Some(at);
            found += 1;
        }
    }
    assert_eq!(found, 500);
}

#[tokio::test]
async fn a_dry_run_looks_at_everything_that_the_put_would() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let put = |more: Value| {
        let mut body = json!({"StreamName": "s", "Data": b64("x"), "PartitionKey": "k", "DryRun": true});
        for (member, value) in more.as_object().unwrap() {
            body[member] = value.clone();
        }
        body
    };
    let refused = world.refused("PutRecord", put(json!({}))).await;
    assert!(refused.starts_with("DryRunOperationException"), "{refused}");
    for more in [
        json!({"ExplicitHashKey": "340282366920938463463374607431768211456"}),
        json!({"Data": b64("x".repeat((1 << 20) + 1))}),
        json!({"PartitionKey": null}),
    ] {
        let refused = world.refused("PutRecord", put(more)).await;
        assert!(!refused.starts_with("DryRunOperationException"), "{refused}");
    }
}

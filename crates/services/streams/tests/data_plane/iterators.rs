//! GetShardIterator, and what becomes of iterators.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{BOTH, FIRST, asking, call_as, data, get, horizon, iterator, ok_in, put, split};
use crate::world::{self, World, caller};

const SECOND: Duration = Duration::from_secs(1);

async fn read(world: &World, more: Value) -> Vec<String> {
    data(&get(world, &iterator(world, FIRST, more).await).await)
}

async fn refused(world: &World, shard: &str, more: Value) -> String {
    world.refused("GetShardIterator", asking(shard, &more)).await
}

#[tokio::test]
async fn every_type_starts_where_it_says() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let begin = world.now();
    let mut numbers = Vec::new();
    for text in ["a", "b", "c"] {
        world.clock.advance(SECOND);
        numbers.extend(put(&world, "k", &[text]).await);
    }
    let b = &numbers[1];
    assert_eq!(read(&world, horizon()).await, ["a", "b", "c"]);
    let at = json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": b});
    assert_eq!(read(&world, at).await, ["b", "c"]);
    let after = json!({"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": b});
    assert_eq!(read(&world, after).await, ["c"]);
    let latest = iterator(&world, FIRST, json!({"ShardIteratorType": "LATEST"})).await;
    assert!(data(&get(&world, &latest).await).is_empty());
    let time = |time: f64| json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": time});
    assert_eq!(read(&world, time(begin + 2.0)).await, ["b", "c"]);
    assert_eq!(read(&world, time(begin + 2.001)).await, ["c"]);
    assert_eq!(read(&world, time(1.0)).await, ["a", "b", "c"]);
    assert!(read(&world, time(begin + 3.0)).await == ["c"]);
    put(&world, "k", &["d"]).await;
    assert_eq!(data(&get(&world, &latest).await), ["d"]);
    for codec in BOTH {
        let answer = ok_in(
            &world,
            codec,
            "GetShardIterator",
            asking(FIRST, &time(begin + 2.5)),
        )
        .await;
        let from = answer["ShardIterator"].as_str().unwrap();
        assert_eq!(data(&get(&world, from).await), ["c", "d"]);
    }
}

#[tokio::test]
async fn a_shards_own_bounds_are_numbers_to_start_from() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    put(&world, "k", &["a", "b"]).await;
    split(&world, FIRST, crate::plane::HALF).await;
    let range = world.shards("s", Value::Null, 10).await[0]["SequenceNumberRange"].clone();
    for (kind, bound, expected) in [
        ("AT_SEQUENCE_NUMBER", "StartingSequenceNumber", 2),
        ("AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber", 2),
        ("AT_SEQUENCE_NUMBER", "EndingSequenceNumber", 0),
        ("AFTER_SEQUENCE_NUMBER", "EndingSequenceNumber", 0),
    ] {
        let more = json!({"ShardIteratorType": kind, "StartingSequenceNumber": range[bound]});
        assert_eq!(read(&world, more).await.len(), expected, "{kind} {bound}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_words() {
    let world = world::open(Profile::Open).await;
    world.active("s", 2).await;
    // MD5 of "a" leads to the first shard.
    let number = put(&world, "a", &["x"]).await.remove(0);
    let second = "shardId-000000000001";
    let at =
        |number: &str| json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": number});
    assert_eq!(
        refused(&world, second, at(&number)).await,
        "InvalidArgumentException: Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was used \
         in a call to a shard with shardId-000000000001"
    );
    let foreign = "49646437577487589085292046249331865451555821126122733842";
    for number in [foreign, "0", "12345"] {
        assert_eq!(
            refused(&world, second, at(number)).await,
            format!(
                "InvalidArgumentException: StartingSequenceNumber {number} used in GetShardIterator on shard {second} \
                 in stream s under account 000000000000 is invalid because it did not come from this stream."
            )
        );
    }
    let future = json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": world.now() + 1.0});
    assert!(
        refused(&world, FIRST, future)
            .await
            .starts_with("InvalidArgumentException: The timestampInMillis parameter cannot be greater than")
    );
    for kind in ["AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"] {
        let refusal = refused(&world, FIRST, json!({"ShardIteratorType": kind})).await;
        assert!(
            refusal.starts_with("InvalidArgumentException: Must "),
            "{refusal}"
        );
    }
    assert_eq!(
        refused(&world, "shardId-000000000002", horizon()).await,
        "ResourceNotFoundException: Shard shardId-000000000002 in stream s under account 000000000000 does not exist"
    );
    let mut dry = horizon();
    dry["DryRun"] = json!(true);
    assert!(
        refused(&world, FIRST, dry)
            .await
            .starts_with("DryRunOperationException")
    );
}

#[tokio::test]
async fn an_iterator_lives_for_five_minutes() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let from = iterator(&world, FIRST, horizon()).await;
    world.clock.advance(300 * SECOND);
    get(&world, &from).await;
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(
        world.refused("GetRecords", json!({"ShardIterator": from})).await,
        "ExpiredIteratorException: Iterator expired. The iterator was created at time Tue Nov 14 22:13:20 UTC 2023 \
         while right now it is Tue Nov 14 22:18:20 UTC 2023 which is further in the future than the tolerated delay \
         of 300000 milliseconds."
    );
}

#[tokio::test]
async fn an_iterator_is_of_one_stream_and_account() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let from = iterator(&world, FIRST, horizon()).await;
    let body = json!({"ShardIterator": from});
    for (stranger, wanted) in [
        (
            caller("111111111111", world::REGION),
            "AccessDeniedException: User: arn:aws:iam::111111111111:root is not authorized to perform: \
             kinesis:GetRecords on resource: arn:aws:kinesis:us-east-1:000000000000:stream/s because no resource-based \
             policy allows the kinesis:GetRecords action",
        ),
        (
            caller(world::ACCOUNT, "eu-west-1"),
            "InvalidArgumentException: Invalid ShardIterator.",
        ),
    ] {
        for codec in BOTH {
            let refusal = call_as(&world, &stranger, codec, "GetRecords", &body)
                .await
                .unwrap_err();
            assert_eq!(refusal.to_string(), wanted);
        }
    }
    for forged in [
        "AAAA",
        "no base64",
        &from[..from.len() - 4],
        &format!("{from}AAAA"),
    ] {
        assert_eq!(
            world
                .refused("GetRecords", json!({"ShardIterator": forged}))
                .await,
            "InvalidArgumentException: Invalid ShardIterator."
        );
    }
    let other =
        json!({"ShardIterator": from, "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/t"});
    assert!(
        world
            .refused("GetRecords", other)
            .await
            .starts_with("InvalidArgumentException: The ShardIterator belongs to another stream")
    );
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    world.reaches("s", "ResourceNotFoundException").await;
    assert!(
        world
            .refused("GetRecords", body.clone())
            .await
            .starts_with("ResourceNotFoundException: Stream s under account")
    );
    world.active("s", 1).await;
    assert!(
        world
            .refused("GetRecords", body)
            .await
            .starts_with("ResourceNotFoundException: Shard shardId-000000000000 in stream s"),
        "a namesake is another stream"
    );
}

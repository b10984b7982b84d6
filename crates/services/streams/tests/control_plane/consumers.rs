//! Consumers with enhanced fan-out.

use std::time::Duration;

use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::world::{self, World, settings};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

async fn consumer_reaches(world: &World, name: &str, wanted: &str) {
    let mut changed = world.streams.changed();
    let wait = async {
        loop {
            let answer = world
                .call(
                    "DescribeStreamConsumer",
                    json!({"StreamARN": ARN, "ConsumerName": name}),
                )
                .await;
            let status = match &answer {
                Ok(answer) => answer["ConsumerDescription"]["ConsumerStatus"].as_str().unwrap(),
                Err(error) => error.code.as_ref(),
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

#[tokio::test]
async fn a_consumer_goes_through_its_states() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let body = json!({"StreamARN": ARN, "ConsumerName": "c", "Tags": {"team": "a"}});
    let answer = world.ok("RegisterStreamConsumer", body.clone()).await;
    let consumer = &answer["Consumer"];
    assert_eq!(consumer["ConsumerStatus"], "CREATING");
    let arn = consumer["ConsumerARN"].as_str().unwrap();
    assert_eq!(arn, format!("{ARN}/consumer/c:1700000000"));
    consumer_reaches(&world, "c", "ACTIVE").await;
    assert!(
        world
            .refused("RegisterStreamConsumer", body)
            .await
            .starts_with("ResourceInUseException")
    );
    let tags = world.ok("ListTagsForResource", json!({"ResourceARN": arn})).await;
    assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "a"}]));
    let view = world.streams.view(&World::key("s")).unwrap();
    assert_eq!(view.consumers["c"].name, "c");
    let all = json!({"ConsumerARN": arn, "StreamARN": ARN, "ConsumerName": "c"});
    let described = world.ok("DescribeStreamConsumer", all).await;
    assert_eq!(described["ConsumerDescription"]["StreamARN"], ARN);
    world
        .ok("DeregisterStreamConsumer", json!({"ConsumerARN": arn}))
        .await;
    consumer_reaches(&world, "c", "ResourceNotFoundException").await;
}

#[tokio::test]
async fn consumers_that_are_not_there_are_refused() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    world
        .ok(
            "RegisterStreamConsumer",
            json!({"StreamARN": ARN, "ConsumerName": "c"}),
        )
        .await;
    for (body, expected) in [
        (
            json!({"StreamARN": ARN, "ConsumerName": "d"}),
            "ResourceNotFoundException: Consumer d, account 000000000000",
        ),
        (
            json!({"ConsumerARN": format!("{ARN}/consumer/c:5")}),
            "ResourceNotFoundException",
        ),
        (json!({"StreamARN": ARN}), "InvalidArgumentException"),
        (json!({"ConsumerName": "c"}), "InvalidArgumentException"),
        (json!({}), "InvalidArgumentException"),
        (
            json!({"ConsumerARN": format!("{ARN}/consumer/c:1700000000"), "ConsumerName": "d"}),
            "InvalidArgumentException",
        ),
    ] {
        let refused = world.refused("DescribeStreamConsumer", body.clone()).await;
        assert!(refused.starts_with(expected), "{body}: {refused}");
        assert!(world.call("DeregisterStreamConsumer", body).await.is_err());
    }
}

#[tokio::test]
async fn consumers_are_listed_in_pages() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    for i in 0..5 {
        world
            .ok(
                "RegisterStreamConsumer",
                json!({"StreamARN": ARN, "ConsumerName": format!("c{i}")}),
            )
            .await;
    }
    let mut body = json!({"StreamARN": ARN, "MaxResults": 2});
    let mut names = Vec::new();
    loop {
        let answer = world.ok("ListStreamConsumers", body).await;
        let consumers = answer["Consumers"].as_array().unwrap();
        names.extend(
            consumers
                .iter()
                .map(|c| c["ConsumerName"].as_str().unwrap().to_owned()),
        );
        match answer.get("NextToken").and_then(Value::as_str) {
            Some(token) => body = json!({"StreamARN": ARN, "MaxResults": 2, "NextToken": token}),
            None => break,
        }
    }
    assert_eq!(names, ["c0", "c1", "c2", "c3", "c4"]);
}

#[tokio::test]
async fn consumers_are_bounded_under_aws() {
    let world = world::with(settings(Profile::Aws, Duration::from_secs(3600))).await;
    world
        .ok("CreateStream", json!({"StreamName": "s", "ShardCount": 1}))
        .await;
    let moving = async {
        loop {
            world.clock.advance(Duration::from_secs(3600));
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = world.reaches("s", "ACTIVE") => {}
        () = moving => {}
    }
    for i in 0..5 {
        world
            .ok(
                "RegisterStreamConsumer",
                json!({"StreamARN": ARN, "ConsumerName": format!("c{i}")}),
            )
            .await;
        world.clock.advance(Duration::from_secs(1));
    }
    let refused = world
        .refused(
            "RegisterStreamConsumer",
            json!({"StreamARN": ARN, "ConsumerName": "c5"}),
        )
        .await;
    assert!(
        refused.starts_with("LimitExceededException: ") && refused.contains("CREATING"),
        "{refused}"
    );
}

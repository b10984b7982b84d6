//! Queues come, change and go.

use std::time::Duration;

use millrace_log::LogError;
use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::shelf::{self, ARN, becomes, creating, describe, horizon, log_of, now, queue, stream};
use crate::world::{self, ACCOUNT, World, caller, settings};

/// The queue of that name, created and on its way with transitions that take a minute; its description.
async fn slowly(world: &World) -> Value {
    let mode = json!({"StreamMode": "ON_DEMAND"});
    let body = json!({"StreamName": "s", "StreamModeDetails": mode});
    world.ok("CreateStream", body).await;
    let refused = world
        .refused("CreateQueue", creating("q", &Value::Null, &Value::Null))
        .await;
    assert!(
        refused.starts_with("ResourceInUseException: Stream s"),
        "{refused}"
    );
    shelf::after(world, Duration::from_secs(60), world.reaches("s", "ACTIVE")).await;
    let mut body = creating("q", &Value::Null, &Value::Null);
    body["Tags"] = json!({"team": "a"});
    world.ok("CreateQueue", body).await["QueueDescription"].clone()
}

#[tokio::test]
async fn a_queue_that_is_not_ready_says_so() {
    let world = world::with(settings(Profile::Open, Duration::from_secs(60))).await;
    let made = slowly(&world).await;
    let arn = made["QueueARN"].as_str().unwrap();
    let entries = json!([{"ReceiptHandle": "x"}]);
    for (op, body, code) in [
        (
            "ReceiveQueueRecords",
            json!({"QueueARN": arn}),
            "ResourceNotFoundException",
        ),
        (
            "AcknowledgeQueueRecords",
            json!({"QueueARN": arn, "Entries": entries}),
            "ResourceNotFoundException",
        ),
        (
            "UpdateQueue",
            json!({"QueueARN": arn, "QueueAttributes": {}}),
            "ResourceInUseException",
        ),
    ] {
        let refused = world.refused(op, body).await;
        assert!(
            refused.starts_with(code) && refused.contains("CREATING"),
            "{refused}"
        );
    }
    let again = world
        .refused("CreateQueue", creating("q", &Value::Null, &Value::Null))
        .await;
    assert!(again.starts_with("ResourceInUseException: Queue q"), "{again}");
    world.ok("DeleteQueue", json!({"QueueARN": arn})).await;
    let refused = world
        .refused("ReceiveQueueRecords", json!({"QueueARN": arn}))
        .await;
    assert!(refused.contains("DELETING"), "{refused}");
}

#[tokio::test]
async fn a_queue_goes_through_its_states() {
    let world = world::with(settings(Profile::Open, Duration::from_secs(60))).await;
    let made = slowly(&world).await;
    let arn = made["QueueARN"].as_str().unwrap();
    let id = arn
        .strip_prefix("arn:aws:kinesis:us-east-1:000000000000:queue/")
        .unwrap();
    assert!(
        id.len() == 32 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
        "{id}"
    );
    let created = now(&world);
    let mut expected = json!({
        "QueueName": "q",
        "QueueARN": arn,
        "QueueStatus": "CREATING",
        "QueueCreationTimestamp": created,
        "StreamConfigurationList": [{"StreamARN": ARN, "StartingPosition": {"Type": "LATEST"}}],
        "QueueAttributes": {
            "VisibilityTimeoutSeconds": 30,
            "DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 6},
        },
    });
    assert_eq!(made, expected);
    assert_eq!(describe(&world, arn).await, expected);
    let tags = world.ok("ListTagsForResource", json!({"ResourceARN": arn})).await;
    assert_eq!(
        tags["Tags"],
        json!([{"Key": "team", "Value": "a"}]),
        "tags hold from the beginning"
    );
    shelf::after(&world, Duration::from_secs(60), becomes(&world, arn, "ACTIVE")).await;
    expected["QueueStatus"] = json!("ACTIVE");
    expected["StreamConfigurationList"][0]["StartingPosition"]["Timestamp"] = json!(created);
    assert_eq!(describe(&world, arn).await, expected);

    let attributes =
        json!({"VisibilityTimeoutSeconds": 0, "DeadLetterConfiguration": {"TargetType": "NONE"}});
    let body = json!({"QueueARN": arn, "QueueAttributes": attributes});
    let updated = world.ok("UpdateQueue", body).await["QueueDescription"].clone();
    expected["QueueStatus"] = json!("UPDATING");
    expected["QueueAttributes"] = attributes;
    assert_eq!(updated, expected);
    shelf::after(&world, Duration::from_secs(60), becomes(&world, arn, "ACTIVE")).await;
    let log = log_of(&world, arn);
    world.ok("DeleteQueue", json!({"QueueARN": arn})).await;
    world.ok("DeleteQueue", json!({"QueueARN": arn})).await;
    assert_eq!(describe(&world, arn).await["QueueStatus"], "DELETING");
    shelf::after(
        &world,
        Duration::from_secs(60),
        becomes(&world, arn, "ResourceNotFoundException"),
    )
    .await;
    assert_eq!(world.log.tail(log), Err(LogError::NotFound(log)));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    world.active("p", 1).await;
    let far = (world.now() + 3600.0).floor();
    let at = |position: Value| creating("q", &position, &Value::Null);
    let with = |attributes: Value| creating("q", &Value::Null, &attributes);
    let over = |arn: &str| json!({"QueueName": "q", "StreamConfigurationList": [{"StreamARN": arn}]});
    let two = json!({"QueueName": "q", "StreamConfigurationList": [{"StreamARN": ARN}, {"StreamARN": ARN}]});
    for (body, expected) in [
        (
            two,
            "ValidationException: StreamConfigurationList must contain exactly one",
        ),
        (
            at(json!({"Type": "AT_TIMESTAMP"})),
            "ValidationException: Timestamp must be specified",
        ),
        (
            at(json!({"Type": "LATEST", "Timestamp": 1})),
            "ValidationException: Timestamp can be specified only",
        ),
        (
            at(json!({"Type": "AT_TIMESTAMP", "Timestamp": far})),
            "InvalidArgumentException: The Timestamp",
        ),
        (
            with(json!({"DeadLetterConfiguration": {"TargetType": "BUILT_IN"}})),
            "ValidationException: MaxReceiveCount must be specified",
        ),
        (
            with(json!({"DeadLetterConfiguration": {"TargetType": "NONE", "MaxReceiveCount": 3}})),
            "ValidationException: MaxReceiveCount can be specified only",
        ),
        (
            with(json!({"VisibilityTimeoutSeconds": 43_201})),
            "ValidationException: 1 validation error",
        ),
        (
            over("arn:aws:kinesis:us-east-1:000000000000:stream/none"),
            "ResourceNotFoundException: Stream none under account 000000000000 not found.",
        ),
        (
            over("arn:aws:kinesis:us-east-1:000000000000:stream/p"),
            "ValidationException: Request is invalid. Stream p under account 000000000000 is in PROVISIONED mode",
        ),
        (
            over("arn:aws:kinesis:us-east-1:111111111111:stream/s"),
            "AccessDeniedException",
        ),
    ] {
        let refused = world.refused("CreateQueue", body.clone()).await;
        assert!(refused.starts_with(expected), "{body}: {refused}");
    }
}

#[tokio::test]
async fn queues_that_are_not_there_are_refused() {
    let world = world::open(Profile::Open).await;
    let none = "arn:aws:kinesis:us-east-1:000000000000:queue/none";
    for (arn, expected) in [
        (
            none,
            "ResourceNotFoundException: Queue arn:aws:kinesis:us-east-1:000000000000:queue/none not found.",
        ),
        (
            "arn:aws:kinesis:us-east-1:000000000000:queue/a/b",
            "InvalidArgumentException",
        ),
        (
            "arn:aws:kinesis:eu-west-1:000000000000:queue/none",
            "InvalidArgumentException",
        ),
        (
            "arn:aws:kinesis:us-east-1:111111111111:queue/none",
            "AccessDeniedException",
        ),
    ] {
        for op in [
            "DescribeQueue",
            "DeleteQueue",
            "ReceiveQueueRecords",
            "ReceiveDeadLetterQueueRecords",
        ] {
            let refused = world.refused(op, json!({"QueueARN": arn})).await;
            assert!(refused.starts_with(expected), "{op} {arn}: {refused}");
        }
    }
}

#[tokio::test]
async fn a_stream_keeps_its_mode_and_stays_while_it_has_queues() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let arn = queue(&world, Value::Null, Value::Null).await;
    let summary = world
        .ok("DescribeStreamSummary", json!({"StreamName": "s"}))
        .await;
    let summary = &summary["StreamDescriptionSummary"];
    assert_eq!(
        (&summary["QueueCount"], &summary["ConsumerCount"]),
        (&json!(1), &json!(0))
    );
    for enforce in [false, true] {
        let body = json!({"StreamName": "s", "EnforceConsumerDeletion": enforce});
        let refused = world.refused("DeleteStream", body).await;
        assert!(
            refused.starts_with("ResourceInUseException: Stream s under account 000000000000 has 1 queues")
        );
    }
    let body = json!({"StreamARN": ARN, "StreamModeDetails": {"StreamMode": "PROVISIONED"}});
    let refused = world.refused("UpdateStreamMode", body.clone()).await;
    assert!(refused.starts_with("ResourceInUseException"), "{refused}");
    world.ok("DeleteQueue", json!({"QueueARN": arn})).await;
    becomes(&world, &arn, "ResourceNotFoundException").await;
    world.ok("UpdateStreamMode", body).await;
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    world.reaches("s", "ResourceNotFoundException").await;
}

#[tokio::test]
async fn queues_and_consumers_share_a_limit() {
    let world = world::open(Profile::Aws).await;
    stream(&world).await;
    let make = async |world: &World, i: usize| {
        world
            .call(
                "CreateQueue",
                creating(&format!("q{i}"), &Value::Null, &Value::Null),
            )
            .await
    };
    let register = async |world: &World, name: &str| {
        world.clock.advance(Duration::from_secs(1));
        let body = json!({"StreamARN": ARN, "ConsumerName": name});
        world.call("RegisterStreamConsumer", body).await
    };
    register(&world, "c").await.unwrap();
    for i in 0..19 {
        let answer = make(&world, i).await.unwrap();
        becomes(
            &world,
            answer["QueueDescription"]["QueueARN"].as_str().unwrap(),
            "ACTIVE",
        )
        .await;
    }
    let refused = make(&world, 19).await.unwrap_err();
    assert!(refused.to_string().contains("20 is the limit"), "{refused}");
    assert!(
        register(&world, "d")
            .await
            .unwrap_err()
            .to_string()
            .contains("20 is the limit")
    );
    // An account that is committed may have more.
    let committed = json!({"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}});
    world.ok("UpdateAccountSettings", committed).await;
    register(&world, "d").await.unwrap();
    make(&world, 19).await.unwrap();
}

#[tokio::test]
async fn five_queues_may_be_creating_or_deleting() {
    let world = world::with(settings(Profile::Aws, Duration::from_secs(60))).await;
    let mode = json!({"StreamMode": "ON_DEMAND"});
    world
        .ok(
            "CreateStream",
            json!({"StreamName": "s", "StreamModeDetails": mode}),
        )
        .await;
    shelf::after(&world, Duration::from_secs(60), world.reaches("s", "ACTIVE")).await;
    let first = world
        .ok("CreateQueue", creating("first", &Value::Null, &Value::Null))
        .await;
    let first = first["QueueDescription"]["QueueARN"].as_str().unwrap();
    shelf::after(&world, Duration::from_secs(60), becomes(&world, first, "ACTIVE")).await;
    let mut arn = String::new();
    for i in 0..5 {
        let answer = world
            .ok(
                "CreateQueue",
                creating(&format!("q{i}"), &Value::Null, &Value::Null),
            )
            .await;
        answer["QueueDescription"]["QueueARN"]
            .as_str()
            .unwrap()
            .clone_into(&mut arn);
    }
    let refused = world
        .refused("CreateQueue", creating("more", &Value::Null, &Value::Null))
        .await;
    assert!(refused.starts_with("LimitExceededException"), "{refused}");
    let refused = world.refused("DeleteQueue", json!({"QueueARN": first})).await;
    assert!(refused.starts_with("LimitExceededException"), "{refused}");
    // One that is created already counts, whichever way it goes.
    world.ok("DeleteQueue", json!({"QueueARN": arn})).await;
}

#[tokio::test]
async fn queues_are_listed_in_pages_and_by_stream() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let mode = json!({"StreamMode": "ON_DEMAND"});
    world
        .ok(
            "CreateStream",
            json!({"StreamName": "t", "StreamModeDetails": mode}),
        )
        .await;
    world.reaches("t", "ACTIVE").await;
    for i in 0..7 {
        let name = format!("q{i}");
        let stream = if i < 5 {
            ARN.to_owned()
        } else {
            ARN.replace("/s", "/t")
        };
        let body = json!({"QueueName": name, "StreamConfigurationList": [{"StreamARN": stream}]});
        world.ok("CreateQueue", body).await;
    }
    let names = async |mut body: Value| {
        let mut names: Vec<String> = Vec::new();
        loop {
            let answer = world.ok("ListQueues", body.clone()).await;
            let page = answer["QueueSummaries"].as_array().unwrap();
            assert!(page.len() <= 2);
            names.extend(
                page.iter()
                    .map(|queue| queue["QueueName"].as_str().unwrap().to_owned()),
            );
            match answer.get("NextToken") {
                Some(token) => body["NextToken"] = token.clone(),
                None => break,
            }
        }
        names.sort();
        names
    };
    assert_eq!(
        names(json!({"MaxResults": 2})).await,
        ["q0", "q1", "q2", "q3", "q4", "q5", "q6"]
    );
    let filter = |stream: &str, created: f64| json!({"MaxResults": 2, "StreamFilter": [{"StreamARN": ARN.replace("/s", stream), "StreamCreationTimestamp": created}]});
    assert_eq!(names(filter("/t", world.now())).await, ["q5", "q6"]);
    assert_eq!(names(filter("/t", world.now() - 5.0)).await, [""; 0]);
    assert_eq!(names(filter("/none", world.now())).await, [""; 0]);
    let whole = world.ok("ListQueues", json!({})).await;
    let one = &whole["QueueSummaries"][0];
    assert_eq!(one["QueueCreationTimestamp"], now(&world));
    let source = &one["Streams"][0];
    assert_eq!(source["StreamCreationTimestamp"], now(&world));
    // Other accounts and regions have their own.
    for other in [caller("111111111111", "us-east-1"), caller(ACCOUNT, "eu-west-1")] {
        let answer = world.call_as(&other, "ListQueues", json!({})).await.unwrap();
        assert_eq!(answer, json!({"QueueSummaries": []}));
    }
    let page = world.ok("ListQueues", json!({"MaxResults": 1})).await;
    let refused = world
        .refused("ListShards", json!({"NextToken": page["NextToken"]}))
        .await;
    assert!(refused.contains("made by another operation"), "{refused}");
    world.clock.advance(Duration::from_secs(301));
    let refused = world
        .refused("ListQueues", json!({"NextToken": page["NextToken"]}))
        .await;
    assert!(refused.starts_with("ExpiredNextTokenException"), "{refused}");
}

#[tokio::test]
async fn a_queue_has_tags() {
    let world = world::open(Profile::Open).await;
    stream(&world).await;
    let arn = queue(&world, horizon(), Value::Null).await;
    let tags = async || world.ok("ListTagsForResource", json!({"ResourceARN": arn})).await["Tags"].clone();
    world
        .ok(
            "TagResource",
            json!({"ResourceARN": arn, "Tags": {"a": "1", "b": "2"}}),
        )
        .await;
    world
        .ok("TagResource", json!({"ResourceARN": arn, "Tags": {"a": "3"}}))
        .await;
    assert_eq!(
        tags().await,
        json!([{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}])
    );
    world
        .ok(
            "UntagResource",
            json!({"ResourceARN": arn, "TagKeys": ["a", "c"]}),
        )
        .await;
    assert_eq!(tags().await, json!([{"Key": "b", "Value": "2"}]));
    let many: serde_json::Map<String, Value> = (0..50).map(|i| (format!("k{i}"), json!(""))).collect();
    let refused = world
        .refused("TagResource", json!({"ResourceARN": arn, "Tags": many}))
        .await;
    assert!(refused.starts_with("InvalidArgumentException"), "{refused}");
    let none = "arn:aws:kinesis:us-east-1:000000000000:queue/none";
    for (op, body) in [
        ("TagResource", json!({"ResourceARN": none, "Tags": {"a": "1"}})),
        ("UntagResource", json!({"ResourceARN": none, "TagKeys": ["a"]})),
        ("ListTagsForResource", json!({"ResourceARN": none})),
    ] {
        let refused = world.refused(op, body).await;
        assert!(
            refused.starts_with("ResourceNotFoundException: Queue"),
            "{op}: {refused}"
        );
    }
}

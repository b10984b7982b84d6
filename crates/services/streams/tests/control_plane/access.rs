//! Who may do what: every operation asks, and resources are shared by their policies.

use std::sync::Arc;
use std::time::Duration;

use millrace_api::kinesis::SERVICE;
use millrace_streams::Profile;
use millrace_wire::policy::{Kind, Policy, Principal};
use millrace_wire::{Caller, Identity};
use serde_json::{Value, json};

use crate::world::{self, ACCOUNT, REGION, World};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
const CONSUMER: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1700000000";
const QUEUE: &str = "arn:aws:kinesis:us-east-1:000000000000:queue/q";
const CHANNEL: &str = "arn:aws:kinesis:us-east-1:000000000000:channel/abcdefghijklmnopqrst";

/// A user of the account with one statement, or none.
fn user(account: &str, statement: Option<&Value>) -> Caller {
    let principal = Principal::User {
        account: account.to_owned(),
        name: "ana".to_owned(),
    };
    let mut identity = Identity::new(principal, "AIDAANA");
    if let Some(statement) = statement {
        let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        identity.policies = vec![Policy::parse(&text, Kind::Identity).unwrap()];
    }
    Caller {
        identity: Arc::new(identity),
        ..Caller::root(account, REGION)
    }
}

/// A request of each operation that names something, and the actions that it takes besides its own.
fn request(op: &str) -> (Value, &'static [&'static str]) {
    let position = json!({"Type": "LATEST"});
    let receipt = json!([{"ReceiptHandle": "r"}]);
    let timed = json!([{"ReceiptHandle": "r", "VisibilityTimeoutSeconds": 1}]);
    let body = match op {
        "AcknowledgeDeadLetterQueueRecords" | "AcknowledgeQueueRecords" | "RestoreDeadLetterQueueRecords" => {
            json!({"QueueARN": QUEUE, "Entries": receipt})
        }
        "UpdateDeadLetterQueueRecordsVisibility" | "UpdateQueueRecordsVisibility" => {
            json!({"QueueARN": QUEUE, "Entries": timed})
        }
        "AddTagsToStream" => json!({"StreamName": "s", "Tags": {"a": "b"}}),
        "RemoveTagsFromStream" => json!({"StreamName": "s", "TagKeys": ["a"]}),
        "CreateChannel" => channel(),
        "CreateQueue" => {
            let body = json!({"QueueName": "q", "StreamConfigurationList": [{"StreamARN": ARN}]});
            return (body, &["kinesis:AssociateStreamsWithQueue"]);
        }
        "CreateStream" => json!({"StreamName": "new", "ShardCount": 1}),
        "DecreaseStreamRetentionPeriod" | "IncreaseStreamRetentionPeriod" => {
            json!({"StreamName": "s", "RetentionPeriodHours": 24})
        }
        "DeleteChannel" | "DescribeChannel" => json!({"ChannelARN": CHANNEL}),
        "UpdateChannel" => {
            json!({"ChannelARN": CHANNEL, "S3DestinationConfiguration": {"DataFreshnessInSeconds": 60}})
        }
        "DeleteQueue" | "DescribeQueue" | "ReceiveDeadLetterQueueRecords" | "ReceiveQueueRecords" => {
            json!({"QueueARN": QUEUE})
        }
        "UpdateQueue" => json!({"QueueARN": QUEUE, "QueueAttributes": {"VisibilityTimeoutSeconds": 1}}),
        "DeleteResourcePolicy" | "GetResourcePolicy" | "ListTagsForResource" => json!({"ResourceARN": ARN}),
        "PutResourcePolicy" => json!({"ResourceARN": ARN, "Policy": "{}"}),
        "TagResource" => json!({"ResourceARN": ARN, "Tags": {"a": "b"}}),
        "UntagResource" => json!({"ResourceARN": ARN, "TagKeys": ["a"]}),
        "DeregisterStreamConsumer" | "DescribeStreamConsumer" => json!({"ConsumerARN": CONSUMER}),
        "RegisterStreamConsumer" => json!({"StreamARN": ARN, "ConsumerName": "d"}),
        "SubscribeToShard" => {
            json!({"ConsumerARN": CONSUMER, "ShardId": "shardId-000000000000", "StartingPosition": position})
        }
        "DescribeAccountSettings" | "DescribeLimits" | "ListChannels" | "ListQueues" | "ListStreams" => {
            json!({})
        }
        "UpdateAccountSettings" => json!({"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}),
        "DisableEnhancedMonitoring" | "EnableEnhancedMonitoring" => {
            json!({"StreamName": "s", "ShardLevelMetrics": ["ALL"]})
        }
        "GetShardIterator" => {
            json!({"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"})
        }
        "ListStreamConsumers" => json!({"StreamARN": ARN}),
        "MergeShards" => {
            json!({"StreamName": "s", "ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001"})
        }
        "SplitShard" => {
            json!({"StreamName": "s", "ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "5"})
        }
        "PutRecord" => json!({"StreamName": "s", "Data": "eA==", "PartitionKey": "k"}),
        "PutRecords" => json!({"StreamName": "s", "Records": [{"Data": "eA==", "PartitionKey": "k"}]}),
        "StartStreamEncryption" | "StopStreamEncryption" => {
            json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"})
        }
        "UpdateMaxRecordSize" => json!({"StreamARN": ARN, "MaxRecordSizeInKiB": 1024}),
        "UpdateShardCount" => {
            json!({"StreamName": "s", "TargetShardCount": 1, "ScalingType": "UNIFORM_SCALING"})
        }
        "UpdateStreamMode" => json!({"StreamARN": ARN, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
        "UpdateStreamRecordDistributionStrategy" => {
            json!({"StreamARN": ARN, "RecordDistributionStrategy": "AUTO"})
        }
        "UpdateStreamWarmThroughput" => json!({"StreamARN": ARN, "WarmThroughputMiBps": 10}),
        // DeleteStream, DescribeStream, DescribeStreamSummary, ListShards, ListTagsForStream
        _ => json!({"StreamName": "s"}),
    };
    (body, &[])
}

fn channel() -> Value {
    json!({
        "ChannelName": "c",
        "ServiceExecutionRoleARN": "arn:aws:iam::000000000000:role/r",
        "StreamConfigurationList": [
            {"StreamARN": ARN, "RecordConfiguration": {"RecordFormatType": "BYTE_ARRAY"}}
        ],
        "S3DestinationConfiguration": {"StorageConfiguration": {
            "BucketARN": "arn:aws:s3:::bucket", "ExpectedBucketOwner": ACCOUNT, "CompressionType": "NONE",
        }},
    })
}

async fn asked(world: &World, caller: &Caller, op: &str, body: &Value) -> String {
    match world.call_as(caller, op, body.clone()).await {
        Ok(_) => "OK".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The iterator comes from the owner: it carries what GetRecords reads.
async fn body_of(world: &World, op: &str) -> (Value, &'static [&'static str]) {
    if op != "GetRecords" {
        return request(op);
    }
    let iterator = world.ok("GetShardIterator", request("GetShardIterator").0).await;
    (json!({"ShardIterator": iterator["ShardIterator"]}), &[])
}

#[tokio::test]
async fn every_operation_asks_whether_it_is_allowed() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let (nobody, mut others) = (user(ACCOUNT, None), Vec::new());
    for op in SERVICE.operations {
        let (body, more) = body_of(&world, op.name).await;
        let refused = asked(&world, &nobody, op.name, &body).await;
        let wanted = format!("is not authorized to perform: kinesis:{}", op.name);
        assert!(
            refused.starts_with("AccessDeniedException: User: arn:aws:iam::000000000000:user/ana")
                && refused.contains(&wanted),
            "{}: {refused}",
            op.name
        );
        // Everything but the operation: a permission for one is none for another.
        let own = format!("kinesis:{}", op.name);
        let rest = json!({"Effect": "Allow", "NotAction": own, "Resource": "*"});
        let refused = asked(&world, &user(ACCOUNT, Some(&rest)), op.name, &body).await;
        assert!(refused.contains(&wanted), "{}: {refused}", op.name);
        others.push((op.name, own, more));
    }
    assert_eq!(others.len(), 57);
}

#[tokio::test]
async fn one_action_is_enough_for_one_operation() {
    for op in SERVICE.operations {
        // Each in a world of its own: some delete what the next would need.
        let world = world::open(Profile::Open).await;
        world.active("s", 1).await;
        let (body, more) = body_of(&world, op.name).await;
        let mut actions = vec![format!("kinesis:{}", op.name)];
        actions.extend(more.iter().map(|action| (*action).to_owned()));
        let allow = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
        let answer = asked(&world, &user(ACCOUNT, Some(&allow)), op.name, &body).await;
        assert!(!answer.contains("AccessDenied"), "{}: {answer}", op.name);
    }
}

#[tokio::test]
async fn who_may_not_ask_does_not_learn_what_is_there() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let nobody = user(ACCOUNT, None);
    let there = asked(
        &world,
        &nobody,
        "DescribeStreamSummary",
        &json!({"StreamName": "s"}),
    )
    .await;
    let missing = asked(
        &world,
        &nobody,
        "DescribeStreamSummary",
        &json!({"StreamName": "t"}),
    )
    .await;
    assert_eq!(there.replace("stream/s", "stream/t"), missing);
}

#[tokio::test]
async fn a_resource_in_a_policy_is_the_resource_of_the_request() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    world.active("t", 1).await;
    let only = json!({"Effect": "Allow", "Action": "kinesis:Describe*", "Resource": ARN});
    let ana = user(ACCOUNT, Some(&only));
    assert_eq!(
        asked(&world, &ana, "DescribeStreamSummary", &json!({"StreamName": "s"})).await,
        "OK"
    );
    let other = asked(&world, &ana, "DescribeStreamSummary", &json!({"StreamName": "t"})).await;
    assert!(other.starts_with("AccessDenied"), "{other}");
}

fn shared(account: &str, action: &str, arn: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": action, "Resource": arn}
    ]})
    .to_string()
}

#[tokio::test]
async fn a_resource_policy_lets_another_account_in_and_no_further() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let other = Caller::root("111111111111", REGION);
    let body = json!({"StreamARN": ARN});
    assert!(
        asked(&world, &other, "DescribeStreamSummary", &body)
            .await
            .starts_with("AccessDenied")
    );
    let policy = shared("111111111111", "kinesis:DescribeStreamSummary", ARN);
    world
        .ok("PutResourcePolicy", json!({"ResourceARN": ARN, "Policy": policy}))
        .await;
    assert_eq!(asked(&world, &other, "DescribeStreamSummary", &body).await, "OK");
    assert!(
        asked(&world, &other, "DescribeStream", &body)
            .await
            .starts_with("AccessDenied")
    );
    // A user there needs the account's own permission too.
    let user_there = user("111111111111", None);
    assert!(
        asked(&world, &user_there, "DescribeStreamSummary", &body)
            .await
            .starts_with("AccessDenied")
    );
    let third = Caller::root("222222222222", REGION);
    assert!(
        asked(&world, &third, "DescribeStreamSummary", &body)
            .await
            .starts_with("AccessDenied")
    );
    world
        .ok("DeleteResourcePolicy", json!({"ResourceARN": ARN}))
        .await;
    assert!(
        asked(&world, &other, "DescribeStreamSummary", &body)
            .await
            .starts_with("AccessDenied")
    );
}

#[tokio::test]
async fn policies_are_put_read_replaced_and_removed() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let named = json!({"ResourceARN": ARN});
    assert_eq!(
        world.ok("GetResourcePolicy", named.clone()).await,
        json!({"Policy": "{}"})
    );
    for action in ["kinesis:PutRecord", "kinesis:GetRecords"] {
        let policy = shared("111111111111", action, ARN);
        world
            .ok("PutResourcePolicy", json!({"ResourceARN": ARN, "Policy": policy}))
            .await;
        assert_eq!(
            world.ok("GetResourcePolicy", named.clone()).await,
            json!({"Policy": policy})
        );
    }
    world.ok("DeleteResourcePolicy", named.clone()).await;
    assert_eq!(
        world.refused("DeleteResourcePolicy", named).await,
        format!("ResourceNotFoundException: No resource policy found for the resource {ARN}.")
    );
}

#[tokio::test]
async fn a_policy_that_may_not_be_attached_is_refused_with_the_place() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    for (policy, wanted) in [
        ("no JSON".to_owned(), "InvalidArgumentException: Policy: "),
        (
            shared("111111111111", "kinesis:DeleteStream", ARN),
            "InvalidArgumentException: Policy: Statement[0].Action[0]: ",
        ),
        (
            shared("*", "kinesis:PutRecord", ARN),
            "InvalidArgumentException: Policy: Statement[0].Principal: ",
        ),
        (
            shared("111111111111", "kinesis:PutRecord", &format!("{ARN}2")),
            "InvalidArgumentException: Policy: Statement[0].Resource[0]: ",
        ),
    ] {
        let refused = world
            .refused("PutResourcePolicy", json!({"ResourceARN": ARN, "Policy": policy}))
            .await;
        assert!(refused.starts_with(wanted), "{refused}");
    }
}

#[tokio::test]
async fn consumers_queues_and_channels_have_policies_too() {
    let world = world::open(Profile::Open).await;
    let on_demand = json!({"StreamName": "s", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    world.ok("CreateStream", on_demand).await;
    world.reaches("s", "ACTIVE").await;
    let queue = json!({"QueueName": "q", "StreamConfigurationList": [{"StreamARN": ARN}]});
    for (op, body, name, action, foreign, named) in [
        (
            "RegisterStreamConsumer",
            json!({"StreamARN": ARN, "ConsumerName": "c"}),
            "/Consumer/ConsumerARN",
            "DescribeStreamConsumer",
            "DeregisterStreamConsumer",
            "ConsumerARN",
        ),
        (
            "CreateChannel",
            channel(),
            "/ChannelDescription/ChannelARN",
            "DescribeChannel",
            "DeleteChannel",
            "ChannelARN",
        ),
        (
            "CreateQueue",
            queue,
            "/QueueDescription/QueueARN",
            "DescribeQueue",
            "DeleteQueue",
            "QueueARN",
        ),
    ] {
        let made = world.ok(op, body).await;
        let arn = made.pointer(name).unwrap().as_str().unwrap();
        let policy = shared("111111111111", &format!("kinesis:{action}"), arn);
        let policy = json!({"ResourceARN": arn, "Policy": policy});
        world.ok("PutResourcePolicy", policy).await;
        let (other, body) = (Caller::root("111111111111", REGION), json!({named: arn}));
        assert_eq!(asked(&world, &other, action, &body).await, "OK");
        let refused = asked(&world, &other, foreign, &body).await;
        assert!(refused.starts_with("AccessDenied"), "{refused}");
    }
}

#[tokio::test]
async fn policies_survive_a_restart() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let policy = shared("111111111111", "kinesis:DescribeStreamSummary", ARN);
    world
        .ok("PutResourcePolicy", json!({"ResourceARN": ARN, "Policy": policy}))
        .await;
    let second = world
        .restart(world::settings(Profile::Open, Duration::ZERO))
        .await;
    let other = Caller::root("111111111111", REGION);
    let body = json!({"StreamARN": ARN});
    assert_eq!(asked(&second, &other, "DescribeStreamSummary", &body).await, "OK");
}

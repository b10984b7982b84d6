//! Channels: from a stream into a bucket.

use std::io::Read;
use std::time::Duration;

use millrace_blob::Buckets;
use millrace_streams::Profile;
use serde_json::{Value, json};

use crate::plane::{ARN, b64, put};
use crate::world::{self, ACCOUNT, World, settings};

const ROLE: &str = "arn:aws:iam::000000000000:role/deliver";
const FRESHNESS: Duration = Duration::from_secs(60);

fn asking(format: &str, compression: &str) -> Value {
    json!({
        "ChannelName": "orders",
        "ServiceExecutionRoleARN": ROLE,
        "StreamConfigurationList": [{"StreamARN": ARN, "RecordConfiguration": {"RecordFormatType": format}}],
        "S3DestinationConfiguration": {
            "DataFreshnessInSeconds": 60,
            "StorageConfiguration": {
                "BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": ACCOUNT, "CompressionType": compression,
            },
        },
    })
}

async fn on_demand(world: &World) {
    let body = json!({"StreamName": "s", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    world.ok("CreateStream", body).await;
    world.reaches("s", "ACTIVE").await;
}

/// Creates a channel and waits until it delivers; yields its ARN.
async fn channel(world: &World, body: Value) -> String {
    let created = world.ok("CreateChannel", body).await;
    let channel = &created["ChannelDescription"];
    assert_eq!(channel["ChannelStatus"], "CREATING");
    let arn = channel["ChannelARN"].as_str().unwrap().to_owned();
    reaches(world, &arn, "ACTIVE").await;
    arn
}

async fn describe(world: &World, arn: &str) -> Value {
    world.ok("DescribeChannel", json!({"ChannelARN": arn})).await["ChannelDescription"].clone()
}

async fn reaches(world: &World, arn: &str, status: &str) {
    let mut changed = world.streams.changed();
    let wait = async {
        while describe(world, arn).await["ChannelStatus"] != status {
            changed.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect(status);
}

/// Lets what was put become due, and waits until so many records are delivered or dead.
async fn delivered(world: &World, records: u64) {
    let wait = async {
        loop {
            let metrics = world.streams.metrics();
            let pending = records > metrics.channel_records.get() + metrics.channel_dead_records.get();
            if !pending {
                break;
            }
            world.clock.advance(FRESHNESS);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("the records were not delivered");
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.ends_with('\n'));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn what_is_put_after_the_channel_is_delivered_and_nothing_before() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    put(&world, "k", &["\"early\""]).await;
    let arn = channel(&world, asking("JSON", "NONE")).await;
    put(&world, "k", &["{\"a\":1}", "[2]"]).await;
    put(&world, "other", &["3"]).await;
    assert!(world.objects("lake").await.is_empty(), "nothing is due yet");
    delivered(&world, 3).await;
    let objects = world.objects("lake").await;
    let all: Vec<String> = objects.iter().flat_map(|(_, bytes)| lines(bytes)).collect();
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(sorted, ["3", "[2]", "{\"a\":1}"]);
    let id = arn.rsplit('/').next().unwrap();
    let prefix = format!("kinesis-channel/orders/{id}/2023/11/14/22/orders-{id}-2023-11-14-22-");
    for (name, _) in &objects {
        assert!(name.starts_with(&prefix) && name.ends_with(".json"), "{name}");
    }
}

#[tokio::test]
async fn each_compression_and_format_arrives() {
    for (format, compression, extension) in [
        ("STRING", "GZIP", ".txt.gz"),
        ("BYTE_ARRAY", "ZSTD", ".bin.zst"),
        ("JSON", "GZIP", ".json.gz"),
    ] {
        let world = world::open(Profile::Open).await;
        on_demand(&world).await;
        channel(&world, asking(format, compression)).await;
        put(&world, "k", &["1", "2"]).await;
        delivered(&world, 2).await;
        let objects = world.objects("lake").await;
        let [(name, bytes)] = objects.as_slice() else {
            panic!("{format} {compression}: {} objects", objects.len());
        };
        assert!(name.ends_with(extension), "{name}");
        let mut plain = Vec::new();
        if compression == "GZIP" {
            flate2::read::GzDecoder::new(bytes.as_ref())
                .read_to_end(&mut plain)
                .unwrap();
        } else {
            plain = zstd::decode_all(bytes.as_ref()).unwrap();
        }
        let wanted: &[u8] = if format == "BYTE_ARRAY" { b"12" } else { b"1\n2\n" };
        assert_eq!(plain, wanted);
    }
}

#[tokio::test]
async fn what_is_not_json_is_a_dead_letter_with_its_reason() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    let mut body = asking("JSON", "NONE");
    body["S3DestinationConfiguration"]["DeadLetterQueueS3Configuration"] = json!({
        "BucketARN": "arn:aws:s3:::dead", "ExpectedBucketOwner": ACCOUNT, "ErrorOutputPrefix": "bad/",
    });
    let arn = channel(&world, body).await;
    let numbers = put(&world, "k", &["{oops", "{}"]).await;
    delivered(&world, 2).await;
    assert_eq!(lines(&world.objects("lake").await[0].1), ["{}"]);
    let dead = world.objects("dead").await;
    assert!(dead[0].0.starts_with("bad/20231114"), "{}", dead[0].0);
    let letter: Value = serde_json::from_str(&lines(&dead[0].1)[0]).unwrap();
    assert_eq!(letter["errorCode"], "InvalidJson");
    assert_eq!(letter["rawData"], b64("{oops"));
    assert_eq!(letter["sequenceNumber"], numbers[0].as_str());
    assert_eq!(letter["partitionKey"], "k");
    assert_eq!(
        (&letter["channelArn"], &letter["streamArn"]),
        (&json!(arn), &json!(ARN))
    );
}

#[tokio::test]
async fn shards_that_are_born_later_are_delivered_from_their_beginning() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    channel(&world, asking("STRING", "NONE")).await;
    put(&world, "k", &["before"]).await;
    world
        .ok(
            "UpdateStreamWarmThroughput",
            json!({"StreamName": "s", "WarmThroughputMiBps": 8}),
        )
        .await;
    world.reaches("s", "ACTIVE").await;
    put(&world, "k", &["after"]).await;
    delivered(&world, 2).await;
    let objects = world.objects("lake").await;
    let mut all: Vec<String> = objects.iter().flat_map(|(_, bytes)| lines(bytes)).collect();
    all.sort();
    assert_eq!(all, ["after", "before"]);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_object_ended() {
    let mut world = world::open(Profile::Open).await;
    on_demand(&world).await;
    channel(&world, asking("STRING", "NONE")).await;
    put(&world, "k", &["one"]).await;
    delivered(&world, 1).await;
    put(&world, "k", &["two"]).await;
    world = world.restart(settings(Profile::Open, Duration::ZERO)).await;
    delivered(&world, 1).await;
    let objects = world.objects("lake").await;
    let mut all: Vec<String> = objects.iter().flat_map(|(_, bytes)| lines(bytes)).collect();
    all.sort();
    assert_eq!(all, ["one", "two"]);
}

#[tokio::test]
async fn a_destination_that_is_not_there_fails_the_channel_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let buckets = Buckets::local(dir.path().to_owned(), false);
    let world = world::delivering(buckets, settings(Profile::Open, Duration::ZERO)).await;
    on_demand(&world).await;
    let created = world.ok("CreateChannel", asking("JSON", "NONE")).await;
    let arn = created["ChannelDescription"]["ChannelARN"].as_str().unwrap();
    reaches(&world, arn, "FAILED").await;
    let reason = describe(&world, arn).await["ChannelStatusReason"].clone();
    assert!(reason.as_str().unwrap().contains("'lake'"), "{reason}");
    // It can be deleted, and does not hold the stream.
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
    world.ok("DeleteChannel", json!({"ChannelARN": arn})).await;
}

#[tokio::test]
async fn a_bucket_that_fails_is_tried_again_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let buckets = Buckets::local(dir.path().to_owned(), true);
    let world = world::delivering(buckets, settings(Profile::Open, Duration::ZERO)).await;
    on_demand(&world).await;
    let mut body = asking("STRING", "NONE");
    body["S3DestinationConfiguration"]["StorageConfiguration"]["OutputKeyTemplate"] = json!("blocked/x");
    channel(&world, body).await;
    // A file where a folder is needed.
    std::fs::write(dir.path().join("lake/blocked"), b"").unwrap();
    put(&world, "k", &["kept"]).await;
    let failing = async {
        while world.streams.metrics().channel_errors.get() < 3 {
            world.clock.advance(FRESHNESS);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), failing)
        .await
        .unwrap();
    std::fs::remove_file(dir.path().join("lake/blocked")).unwrap();
    delivered(&world, 1).await;
    assert_eq!(lines(&world.objects("lake").await[0].1), ["kept"]);
}

#[tokio::test]
async fn the_control_plane_of_channels() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    let arn = channel(&world, asking("JSON", "GZIP")).await;
    let described = describe(&world, &arn).await;
    assert_eq!(
        described["S3DestinationConfiguration"]["DataFreshnessInSeconds"],
        60
    );
    assert_eq!(
        described["S3DestinationConfiguration"]["DeadLetterQueueS3Configuration"]["BucketARN"],
        "arn:aws:s3:::lake"
    );
    assert_eq!(
        described["LoggingConfiguration"]["CloudWatchLogs"]["Enabled"],
        false
    );
    let limits = world.ok("DescribeLimits", json!({})).await;
    assert_eq!(limits["ChannelCount"], 1);
    assert!(
        world
            .refused("CreateChannel", asking("JSON", "NONE"))
            .await
            .contains("already exists")
    );
    let refused = world.refused("DeleteStream", json!({"StreamName": "s"})).await;
    assert!(refused.starts_with("ResourceInUseException"), "{refused}");
    let update = json!({"ChannelARN": arn, "S3DestinationConfiguration": {"DataFreshnessInSeconds": 900}});
    let updated = world.ok("UpdateChannel", update).await;
    assert_eq!(updated["ChannelDescription"]["ChannelStatus"], "UPDATING");
    reaches(&world, &arn, "ACTIVE").await;
    assert_eq!(
        describe(&world, &arn).await["S3DestinationConfiguration"]["DataFreshnessInSeconds"],
        900
    );
    let mut second = asking("STRING", "NONE");
    second["ChannelName"] = json!("second");
    let second = channel(&world, second).await;
    let page = world.ok("ListChannels", json!({"MaxResults": 1})).await;
    let rest = world
        .ok(
            "ListChannels",
            json!({"MaxResults": 1, "NextToken": page["NextToken"]}),
        )
        .await;
    let mut listed = vec![
        page["ChannelSummaries"][0]["ChannelARN"]
            .as_str()
            .unwrap()
            .to_owned(),
        rest["ChannelSummaries"][0]["ChannelARN"]
            .as_str()
            .unwrap()
            .to_owned(),
    ];
    listed.sort();
    let mut wanted = vec![arn.clone(), second.clone()];
    wanted.sort();
    assert_eq!(listed, wanted);
    assert_eq!(rest.get("NextToken"), None);
    let other = "arn:aws:kinesis:us-east-1:000000000000:stream/other";
    let none = world
        .ok("ListChannels", json!({"StreamFilter": [{"StreamARN": other}]}))
        .await;
    assert_eq!(none["ChannelSummaries"], json!([]));
    for arn in [&arn, &second] {
        world.ok("DeleteChannel", json!({"ChannelARN": arn})).await;
    }
    world.until(|state| state.channels().next().is_none()).await;
    world.ok("DeleteStream", json!({"StreamName": "s"})).await;
}

#[tokio::test]
async fn what_cannot_be_a_channel_is_refused() {
    let world = world::open(Profile::Aws).await;
    let refused = world.refused("CreateChannel", asking("JSON", "NONE")).await;
    assert!(refused.contains("between 300 and 900"), "{refused}");
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let refused = world.refused("CreateChannel", asking("JSON", "NONE")).await;
    assert!(
        refused.starts_with("ValidationException") && refused.contains("ON_DEMAND"),
        "{refused}"
    );
    let mut tables = asking("JSON", "NONE");
    tables["S3TablesDestinationConfiguration"] = json!({
        "DeadLetterQueueS3Configuration": {"BucketARN": "arn:aws:s3:::dead", "ExpectedBucketOwner": ACCOUNT},
        "S3TablesConfigurationList": [{
            "TableBucketARN": "arn:aws:s3tables:us-east-1:000000000000:bucket/tables",
            "Namespace": "n", "TableName": "t", "CompressionType": "NONE",
        }],
    });
    assert!(
        world
            .refused("CreateChannel", tables.clone())
            .await
            .contains("not both")
    );
    tables
        .as_object_mut()
        .unwrap()
        .remove("S3DestinationConfiguration");
    assert!(
        world
            .refused("CreateChannel", tables)
            .await
            .contains("streaming tables")
    );
    assert!(
        world
            .refused("CreateChannel", asking("GSR_JSON", "NONE"))
            .await
            .contains("GSR_JSON")
    );
    let unknown = json!({"ChannelARN": "arn:aws:kinesis:us-east-1:000000000000:channel/nothing"});
    for op in ["DescribeChannel", "DeleteChannel"] {
        let refused = world.refused(op, unknown.clone()).await;
        assert!(
            refused.starts_with("ResourceNotFoundException"),
            "{op}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_channel_is_tagged_like_everything_else() {
    let world = world::open(Profile::Open).await;
    on_demand(&world).await;
    let mut body = asking("JSON", "NONE");
    body["Tags"] = json!({"team": "a"});
    let arn = channel(&world, body).await;
    world
        .ok(
            "TagResource",
            json!({"ResourceARN": arn, "Tags": {"team": "b", "cost": "1"}}),
        )
        .await;
    world
        .ok("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["cost"]}))
        .await;
    let tags = world.ok("ListTagsForResource", json!({"ResourceARN": arn})).await;
    assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "b"}]));
    let many: serde_json::Map<String, Value> = (0..50).map(|n| (format!("k{n}"), json!("v"))).collect();
    let refused = world
        .refused("TagResource", json!({"ResourceARN": arn, "Tags": many}))
        .await;
    assert!(refused.contains("more than 50 tags"), "{refused}");
    let summary = world
        .ok("DescribeStreamSummary", json!({"StreamName": "s"}))
        .await;
    assert_eq!(summary["StreamDescriptionSummary"]["ChannelCount"], 1);
}

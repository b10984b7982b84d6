//! What the APIs say of everything in a fixture.

use millrace_api::{cloudwatch, iam, kms};
use millrace_base::Clock as _;
use serde_json::{Value, json};

use super::World;

/// Everything that can be asked without changing anything.
pub(super) async fn everything(world: &World) -> Value {
    let mut streams = serde_json::Map::new();
    let listed = world.kinesis("ListStreams", json!({})).await;
    for name in listed["StreamNames"].as_array().unwrap() {
        streams.insert(name.as_str().unwrap().to_owned(), stream(world, name).await);
    }
    let queues = world.kinesis("ListQueues", json!({})).await;
    let channels = world.kinesis("ListChannels", json!({})).await;
    let mut described = Vec::new();
    for queue in queues["QueueSummaries"].as_array().unwrap() {
        described.push(
            world
                .kinesis("DescribeQueue", json!({"QueueARN": queue["QueueARN"]}))
                .await,
        );
    }
    for channel in channels["ChannelSummaries"].as_array().unwrap() {
        described.push(
            world
                .kinesis("DescribeChannel", json!({"ChannelARN": channel["ChannelARN"]}))
                .await,
        );
    }
    json!({
        "streams": streams,
        "queues_and_channels": described,
        "table": table(world).await,
        "identities": identities(world).await,
        "keys": world.call(&kms::SERVICE, "ListAliases", json!({})).await,
        "metrics": metrics(world).await,
    })
}

async fn stream(world: &World, name: &Value) -> Value {
    let summary = world
        .kinesis("DescribeStreamSummary", json!({"StreamName": name}))
        .await;
    let arn = &summary["StreamDescriptionSummary"]["StreamARN"];
    let shards = world.kinesis("ListShards", json!({"StreamName": name})).await;
    let mut records = serde_json::Map::new();
    for shard in shards["Shards"].as_array().unwrap() {
        let id = shard["ShardId"].as_str().unwrap();
        records.insert(id.to_owned(), read(world, name, id).await);
    }
    json!({
        "summary": summary,
        "shards": shards,
        "records": records,
        "tags": world.kinesis("ListTagsForStream", json!({"StreamName": name})).await,
        "consumers": world.kinesis("ListStreamConsumers", json!({"StreamARN": arn})).await,
        "policy": world.try_call(&millrace_api::kinesis::SERVICE, "GetResourcePolicy", json!({"ResourceARN": arn})).await.ok(),
    })
}

/// Every record of a shard; of large ones the length.
async fn read(world: &World, stream: &Value, shard: &str) -> Value {
    let start = json!({"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator = world.kinesis("GetShardIterator", start).await["ShardIterator"].clone();
    let mut all = Vec::new();
    while iterator.is_string() {
        let page = world
            .kinesis("GetRecords", json!({"ShardIterator": iterator}))
            .await;
        let records = page["Records"].as_array().unwrap();
        for record in records {
            let mut record = record.clone();
            let data = record["Data"].as_str().unwrap();
            if data.len() > 1000 {
                record["Data"] = json!(format!("{}… {}", &data[..20], data.len()));
            }
            all.push(record);
        }
        if records.is_empty() && page["MillisBehindLatest"] == 0 {
            break;
        }
        iterator = page["NextShardIterator"].clone();
    }
    Value::Array(all)
}

async fn table(world: &World) -> Value {
    let indexed = json!({
        "TableName": "leases", "IndexName": "by_owner", "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"}, "ExpressionAttributeValues": {":o": {"S": "ada"}},
    });
    json!({
        "described": world.dynamodb("DescribeTable", json!({"TableName": "leases"})).await,
        "items": world.dynamodb("Scan", json!({"TableName": "leases"})).await,
        "indexed": world.dynamodb("Query", indexed).await,
    })
}

async fn identities(world: &World) -> Value {
    let call = |op, body| world.call(&iam::SERVICE, op, body);
    json!({
        "users": call("ListUsers", json!({})).await,
        "keys": call("ListAccessKeys", json!({"UserName": "ada"})).await,
        "policy": call("GetUserPolicy", json!({"UserName": "ada", "PolicyName": "reads"})).await,
        "roles": call("ListRoles", json!({})).await,
    })
}

async fn metrics(world: &World) -> Value {
    let now = world.clock.now().seconds();
    let query = json!({
        "StartTime": now - 3 * 3600, "EndTime": now + 60,
        "MetricDataQueries": [{"Id": "m", "MetricStat": {
            "Metric": {"Namespace": "mine", "MetricName": "temperature"}, "Period": 60, "Stat": "Sum",
        }}],
    });
    world.call(&cloudwatch::SERVICE, "GetMetricData", query).await["MetricDataResults"][0]["Values"].clone()
}

/// Goes on where the fixture stops: the queue gives what it had not given or not got back, and writes work.
pub(super) async fn goes_on(world: &World) {
    let queues = world.kinesis("ListQueues", json!({})).await;
    let arn = queues["QueueSummaries"][0]["QueueARN"].clone();
    let mut counts = Vec::new();
    for _ in 0..20 {
        let received = world
            .kinesis("ReceiveQueueRecords", json!({"QueueARN": arn}))
            .await;
        for record in received["QueueRecords"].as_array().unwrap() {
            counts.push(record["ReceiveCount"].as_u64().unwrap());
            let entries = json!([{"Id": "a", "ReceiptHandle": record["ReceiptHandle"]}]);
            let acknowledge = json!({"QueueARN": arn, "Entries": entries});
            let _ = world
                .try_call(
                    &millrace_api::kinesis::SERVICE,
                    "AcknowledgeQueueRecords",
                    acknowledge,
                )
                .await;
        }
        if counts.len() >= 2 {
            break;
        }
    }
    counts.sort_unstable();
    assert_eq!(counts, [1, 2], "one was never handed out, one was in flight");
    for (stream, data) in [("orders", "bGF0ZXI="), ("secret", "bGF0ZXI=")] {
        let record = json!({"StreamName": stream, "PartitionKey": "later", "Data": data});
        world.kinesis("PutRecord", record).await;
    }
    let item = json!({"TableName": "leases", "Item": {"lease": {"S": "later"}, "owner": {"S": "bob"}}});
    world.dynamodb("PutItem", item).await;
}

/// What [`goes_on`] did is there.
pub(super) async fn went_on(world: &World) {
    for stream in ["orders", "secret"] {
        let shards = world.kinesis("ListShards", json!({"StreamName": stream})).await;
        let mut found = 0;
        for shard in shards["Shards"].as_array().unwrap() {
            let records = read(world, &json!(stream), shard["ShardId"].as_str().unwrap()).await;
            found += records
                .as_array()
                .unwrap()
                .iter()
                .filter(|record| record["PartitionKey"] == "later")
                .count();
        }
        assert_eq!(found, 1, "{stream}");
    }
    let items = world.dynamodb("Scan", json!({"TableName": "leases"})).await;
    assert_eq!(items["Count"], 4);
}

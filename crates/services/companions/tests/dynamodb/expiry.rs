//! Time to live, and tags.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, leases, n, s};

/// The clock's start, in seconds.
const NOW: u64 = 1_700_000_000;

fn time_to_live(attribute: &str, enabled: bool) -> Value {
    json!({
        "TableName": "leases",
        "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled},
    })
}

async fn keys(world: &World) -> Vec<String> {
    let items = world.ok("Scan", json!({"TableName": "leases"})).await["Items"].clone();
    let mut keys: Vec<String> = items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["k"]["S"].as_str().unwrap().to_owned())
        .collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn expired_items_go_with_the_next_write() {
    let world = World::with_tables().await;
    world
        .put("leases", json!({"k": s("before"), "ttl": n(NOW)}))
        .await;
    let answer = world.ok("UpdateTimeToLive", time_to_live("ttl", true)).await;
    assert_eq!(
        answer["TimeToLiveSpecification"],
        json!({"AttributeName": "ttl", "Enabled": true})
    );
    for (key, ttl) in [
        ("soon", n(NOW + 1)),
        ("fraction", n(format!("{NOW}.75"))),
        ("late", n(NOW + 86_400)),
        ("text", s("1")),
        ("old", n(NOW - 6 * 365 * 86_400)),
        ("negative", n(-5)),
        ("huge", n("1E+100")),
    ] {
        world.put("leases", json!({"k": s(key), "ttl": ttl})).await;
    }
    world.put("leases", json!({"k": s("moved"), "ttl": n(NOW)})).await;
    world
        .put("leases", json!({"k": s("moved"), "ttl": n(NOW + 86_400)}))
        .await;
    world
        .put("orders", json!({"k": s("o"), "r": n(1), "ttl": n(NOW)}))
        .await;

    world.clock.advance(Duration::from_secs(500));
    world.put("leases", json!({"k": s("w")})).await;
    assert_eq!(keys(&world).await.len(), 10, "some minutes are granted");
    world.clock.advance(Duration::from_secs(200));
    assert_eq!(keys(&world).await.len(), 10, "nothing was written");
    // An expired item is no obstacle to a new one.
    let anew = json!({
        "TableName": "leases", "Item": {"k": s("soon")}, "ConditionExpression": "attribute_not_exists(k)",
    });
    world.ok("PutItem", anew).await;
    let left = ["huge", "late", "moved", "negative", "old", "soon", "text", "w"];
    assert_eq!(keys(&world).await, left);
    let orders = world.ok("Scan", json!({"TableName": "orders"})).await;
    assert_eq!(orders["Count"], 1, "the other table has no time to live");
}

#[tokio::test]
async fn what_expires_is_known_after_a_restart_and_counted() {
    let mut world = World::with_tables().await;
    world.ok("UpdateTimeToLive", time_to_live("ttl", true)).await;
    for i in 0..150 {
        world
            .put("leases", json!({"k": s(&format!("{i:03}")), "ttl": n(NOW)}))
            .await;
        if i == 75 {
            world.control.snapshot_now().await.unwrap();
        }
    }
    world = world.restart().await;
    let told = world
        .ok("DescribeTimeToLive", json!({"TableName": "leases"}))
        .await;
    assert_eq!(
        told["TimeToLiveDescription"],
        json!({"AttributeName": "ttl", "TimeToLiveStatus": "ENABLED"})
    );
    world.clock.advance(Duration::from_secs(3600));
    let writes = json!({"TransactItems": [{"Put": {"TableName": "leases", "Item": {"k": s("a")}}}]});
    world.ok("TransactWriteItems", writes).await;
    assert_eq!(keys(&world).await.len(), 51, "a hundred at a time");
    world.put("leases", json!({"k": s("a")})).await;
    assert_eq!(keys(&world).await, ["a"]);
    let table = world.ok("DescribeTable", json!({"TableName": "leases"})).await;
    assert_eq!(table["Table"]["TableSizeBytes"], 2);
    let mut metrics = String::new();
    world.dynamodb.write_prometheus(&mut metrics);
    assert!(
        metrics.contains("millrace_dynamodb_item_bytes 102\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn time_to_live_is_of_one_attribute() {
    let world = World::with_tables().await;
    let refused = world
        .refused("UpdateTimeToLive", time_to_live("ttl", false))
        .await;
    assert_eq!(refused, "ValidationException: TimeToLive is already disabled");
    world.ok("UpdateTimeToLive", time_to_live("ttl", true)).await;
    let refused = world.refused("UpdateTimeToLive", time_to_live("ttl", true)).await;
    assert_eq!(refused, "ValidationException: TimeToLive is already enabled");
    for enabled in [true, false] {
        let refused = world
            .refused("UpdateTimeToLive", time_to_live("other", enabled))
            .await;
        assert_eq!(
            refused,
            "ValidationException: TimeToLive is active on a different AttributeName: current AttributeName is ttl"
        );
    }
    world.put("leases", json!({"k": s("a"), "ttl": n(NOW)})).await;
    world.ok("UpdateTimeToLive", time_to_live("ttl", false)).await;
    world.clock.advance(Duration::from_secs(3600));
    world.put("leases", json!({"k": s("b")})).await;
    assert_eq!(keys(&world).await, ["a", "b"]);
    let mut elsewhere = time_to_live("ttl", true);
    elsewhere["TableName"] = json!("nope");
    assert_eq!(
        world.refused("UpdateTimeToLive", elsewhere).await,
        "ResourceNotFoundException: Requested resource not found: Table: nope not found"
    );
}

#[tokio::test]
async fn tags_come_and_go() {
    let world = World::with_tables().await;
    let mut table = leases();
    table["TableName"] = json!("tagged");
    table["Tags"] = json!([{"Key": "team", "Value": "water"}]);
    let arn = world.ok("CreateTable", table).await["TableDescription"]["TableArn"].clone();
    let tags = json!([{"Key": "team", "Value": "fire"}, {"Key": "cost", "Value": ""}]);
    world
        .ok("TagResource", json!({"ResourceArn": arn, "Tags": tags}))
        .await;
    let listed = world.ok("ListTagsOfResource", json!({"ResourceArn": arn})).await;
    assert_eq!(
        listed,
        json!({"Tags": [{"Key": "cost", "Value": ""}, {"Key": "team", "Value": "fire"}]})
    );
    world
        .ok(
            "UntagResource",
            json!({"ResourceArn": arn, "TagKeys": ["cost", "none"]}),
        )
        .await;
    let world = world.restart().await;
    let listed = world.ok("ListTagsOfResource", json!({"ResourceArn": arn})).await;
    assert_eq!(listed["Tags"], json!([{"Key": "team", "Value": "fire"}]));

    let many: Vec<Value> = (0..50)
        .map(|i| json!({"Key": format!("k{i}"), "Value": "v"}))
        .collect();
    let refused = world
        .refused("TagResource", json!({"ResourceArn": arn, "Tags": many}))
        .await;
    assert!(
        refused.contains("Tags exceed the limit of 50 per table"),
        "{refused}"
    );
    let refused = world
        .refused("ListTagsOfResource", json!({"ResourceArn": "tagged"}))
        .await;
    assert!(
        refused.starts_with("ValidationException: Invalid TableArn"),
        "{refused}"
    );
    let missing = json!({"ResourceArn": arn.as_str().unwrap().replace("tagged", "nope")});
    assert_eq!(
        world.refused("ListTagsOfResource", missing).await,
        "ResourceNotFoundException: Requested resource not found"
    );
}

//! BatchGetItem and BatchWriteItem.

use serde_json::{Value, json};

use crate::world::{World, n, s};

fn put(key: &str, bytes: usize) -> Value {
    json!({"PutRequest": {"Item": {"k": s(key), "v": s(&"x".repeat(bytes))}}})
}

#[tokio::test]
async fn many_items_of_several_tables_at_once() {
    let world = World::with_tables().await;
    world.put("leases", json!({"k": s("gone")})).await;
    let write = json!({
        "RequestItems": {
            "leases": [put("a", 1), {"DeleteRequest": {"Key": {"k": s("gone")}}}],
            "orders": [{"PutRequest": {"Item": {"k": s("o"), "r": n(1), "x": s("y")}}}],
        },
        "ReturnConsumedCapacity": "TOTAL",
    });
    let answer = world.ok("BatchWriteItem", write).await;
    assert_eq!(answer["UnprocessedItems"], json!({}));
    assert_eq!(
        answer["ConsumedCapacity"][0],
        json!({"TableName": "leases", "CapacityUnits": 2.0})
    );
    let get = json!({"RequestItems": {
        "leases": {"Keys": [{"k": s("a")}, {"k": s("gone")}], "AttributesToGet": ["k"]},
        "orders": {
            "Keys": [{"k": s("o"), "r": n("1.0")}], "ProjectionExpression": "#x",
            "ExpressionAttributeNames": {"#x": "x"},
        },
    }});
    let answer = world.ok("BatchGetItem", get).await;
    let expected = json!({
        "Responses": {"leases": [{"k": s("a")}], "orders": [{"x": s("y")}]}, "UnprocessedKeys": {},
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_batch_larger_than_a_proposal_is_divided() {
    let world = World::with_tables().await;
    let puts: Vec<Value> = (0..25).map(|i| put(&format!("k{i}"), 300_000)).collect();
    world
        .ok("BatchWriteItem", json!({"RequestItems": {"leases": puts}}))
        .await;
    let table = world.ok("DescribeTable", json!({"TableName": "leases"})).await;
    assert_eq!(table["Table"]["ItemCount"], 25);
    // An answer has 16 MiB at most; what does not fit is told.
    let keys: Vec<Value> = (0..25).map(|i| json!({"k": s(&format!("k{i}"))})).collect();
    for table in ["leases2", "leases3"] {
        let mut other = crate::world::leases();
        other["TableName"] = json!(table);
        world.ok("CreateTable", other).await;
        let puts: Vec<Value> = (0..25).map(|i| put(&format!("k{i}"), 300_000)).collect();
        world
            .ok("BatchWriteItem", json!({"RequestItems": {table: puts}}))
            .await;
    }
    let get = json!({"RequestItems": {"leases": {"Keys": keys}, "leases2": {"Keys": keys}, "leases3": {"Keys": keys}}});
    let answer = world.ok("BatchGetItem", get).await;
    let count = |of: &Value| of.as_array().map_or(0, Vec::len);
    let found: usize = answer["Responses"].as_object().unwrap().values().map(count).sum();
    let left: usize = answer["UnprocessedKeys"]
        .as_object()
        .unwrap()
        .values()
        .map(|t| count(&t["Keys"]))
        .sum();
    assert_eq!(found + left, 75);
    assert_eq!(found, (16 << 20) / 300_004);
}

#[tokio::test]
async fn batches_that_make_no_sense_are_refused() {
    let world = World::with_tables().await;
    let write = |requests: Value| json!({"RequestItems": {"leases": requests}});
    for (requests, text) in [
        (json!([]), "Member must have length greater than or equal to 1"),
        (json!([{}]), "must contain exactly one of the supported datatypes"),
        (
            json!([put("a", 1), put("a", 2)]),
            "Provided list of item keys contains duplicates",
        ),
        (
            json!([{"PutRequest": {"Item": {"z": s("a")}}}]),
            "The provided key element does not match the schema",
        ),
        (
            json!([{"DeleteRequest": {"Key": {"k": s("a"), "z": s("b")}}}]),
            "does not match the schema",
        ),
    ] {
        let refused = world.refused("BatchWriteItem", write(requests)).await;
        assert!(
            refused.starts_with("ValidationException") && refused.contains(text),
            "{refused}"
        );
    }
    let many: Vec<Value> = (0..26).map(|i| put(&i.to_string(), 1)).collect();
    assert!(
        world
            .refused("BatchWriteItem", write(json!(many)))
            .await
            .starts_with("ValidationException")
    );
    let half: Vec<Value> = (0..13)
        .map(|i| json!({"PutRequest": {"Item": {"k": s("a"), "r": n(i)}}}))
        .collect();
    let two = json!({"RequestItems": {"leases": many[..13], "orders": half}});
    let refused = world.refused("BatchWriteItem", two).await;
    assert!(
        refused.ends_with("Too many items requested for the BatchWriteItem call"),
        "{refused}"
    );
    let twice = json!({"RequestItems": {"leases": {"Keys": [{"k": s("a")}, {"k": s("a")}]}}});
    let refused = world.refused("BatchGetItem", twice).await;
    assert!(
        refused.ends_with("Provided list of item keys contains duplicates"),
        "{refused}"
    );
    // Nothing of a batch is written if a part of it makes no sense.
    let partly = write(json!([put("first", 1), {"PutRequest": {"Item": {"k": n(1)}}}]));
    world.refused("BatchWriteItem", partly).await;
    assert!(world.lease("first").await.is_null());
}

//! Bounds: everything that could grow is refused with a sentence that says what to do.

use serde_json::{Value, json};

use crate::world::{World, leases, open, s};

#[tokio::test]
async fn tables_are_bounded() {
    let world = open().await;
    let table = |i: usize| {
        let mut table = leases();
        table["TableName"] = json!(format!("table-{i}"));
        table
    };
    let max = millrace_companions::dynamodb::limits::TABLES_MAX;
    for i in 0..max {
        world.ok("CreateTable", table(i)).await;
    }
    let refused = world.refused("CreateTable", table(max)).await;
    assert!(
        refused.starts_with("LimitExceededException: ") && refused.contains("delete some first"),
        "{refused}"
    );
    world.ok("DeleteTable", json!({"TableName": "table-7"})).await;
    world.ok("CreateTable", table(max)).await;
}

#[tokio::test]
async fn the_deepest_item_survives_the_log_and_a_snapshot() {
    let world = World::with_tables().await;
    let nested = |levels: usize| {
        (0..levels).fold(s("x"), |inner, i| {
            if i % 2 == 0 {
                json!({"L": [inner]})
            } else {
                json!({"M": {"a": inner}})
            }
        })
    };
    let deep = json!({"k": s("deep"), "v": nested(31)});
    world.put("leases", deep.clone()).await;
    let refused = world
        .refused(
            "PutItem",
            json!({"TableName": "leases", "Item": {"k": s("x"), "v": nested(32)}}),
        )
        .await;
    assert!(
        refused.contains("Nesting Levels have exceeded supported limits"),
        "{refused}"
    );
    let grown = json!({
        "TableName": "leases", "Key": {"k": s("deep")}, "UpdateExpression": "SET w = :w, m = :m",
        "ExpressionAttributeValues": {":w": nested(31), ":m": {"M": {}}},
    });
    world.ok("UpdateItem", grown).await;
    let beyond = json!({
        "TableName": "leases", "Key": {"k": s("deep")}, "UpdateExpression": "SET m.a = :w",
        "ExpressionAttributeValues": {":w": nested(31)},
    });
    let refused = world.refused("UpdateItem", beyond).await;
    assert!(
        refused.contains("Nesting Levels have exceeded supported limits"),
        "{refused}"
    );
    world.control.snapshot_now().await.unwrap();
    let world = world.restart().await;
    assert_eq!(world.lease("deep").await["v"], deep["v"]);
}

#[tokio::test]
async fn a_value_named_hundreds_of_times_is_no_way_to_memory() {
    let world = World::with_tables().await;
    let long = json!({":v": s(&"x".repeat(100_000))});
    let many: Vec<String> = (0..290).map(|i| format!("a{i} = :v")).collect();
    let update = json!({
        "TableName": "leases", "Key": {"k": s("a")}, "UpdateExpression": format!("SET {}", many.join(", ")),
        "ExpressionAttributeValues": long,
    });
    let refused = world.refused("UpdateItem", update).await;
    assert!(
        refused.starts_with("ValidationException") && refused.contains("at most 921600"),
        "{refused}"
    );
    let filter = json!({
        "TableName": "leases", "FilterExpression": many[..140].join(" OR "), "ExpressionAttributeValues": long,
    });
    assert_eq!(world.ok("Scan", filter).await["Count"], 0);
}

#[tokio::test]
async fn a_transaction_that_no_proposal_can_hold_is_refused() {
    let world = World::with_tables().await;
    let puts: Vec<Value> = (0..4)
        .map(|i| {
            let item = json!({"k": s(&format!("k{i}")), "v": s(&"x".repeat(300_000))});
            json!({"Put": {"TableName": "leases", "Item": item}})
        })
        .collect();
    let refused = world
        .refused("TransactWriteItems", json!({"TransactItems": puts}))
        .await;
    assert!(refused.contains("can be written in one transaction"), "{refused}");
    // What is small for DynamoDB and large in the log is refused by the log.
    let zeros = json!({"k": s("a"), "v": s(&"\u{1}".repeat(300_000))});
    let refused = world
        .refused("PutItem", json!({"TableName": "leases", "Item": zeros}))
        .await;
    assert!(refused.contains("too large to be written at once"), "{refused}");
}

#[tokio::test]
async fn a_page_has_one_mebibyte() {
    let world = World::with_tables().await;
    for i in 0..12 {
        world
            .put(
                "leases",
                json!({"k": s(&format!("k{i:02}")), "v": s(&"x".repeat(100_000))}),
            )
            .await;
    }
    let first = world.ok("Scan", json!({"TableName": "leases"})).await;
    assert_eq!(
        first["Count"], 11,
        "the item that reaches the bound is the last one"
    );
    let next = json!({"TableName": "leases", "ExclusiveStartKey": first["LastEvaluatedKey"]});
    let next = world.ok("Scan", next).await;
    assert_eq!(next["Count"], 1);
    assert!(next.get("LastEvaluatedKey").is_none());
}

//! What was answered is there after a restart, from the log and from a snapshot, and on another node.

use serde_json::{Value, json};

use crate::world::{World, n, s};

async fn everything(world: &World) -> Value {
    let mut all = json!({"tables": world.ok("ListTables", json!({})).await});
    for table in ["leases", "orders"] {
        all[table] = world.ok("DescribeTable", json!({"TableName": table})).await;
        all[format!("{table} items")] = world.ok("Scan", json!({"TableName": table})).await;
    }
    all["index"] = world
        .ok("Scan", json!({"TableName": "orders", "IndexName": "by_g"}))
        .await;
    all
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let mut world = World::with_tables().await;
    for round in 0..4 {
        for i in 0..10 {
            world
                .put(
                    "orders",
                    json!({"k": s("a"), "r": n(i), "g": s(&format!("g{}", (i + round) % 3))}),
                )
                .await;
            world
                .put(
                    "leases",
                    json!({"k": s(&format!("{round}-{i}")), "b": {"B": "AAEC"}}),
                )
                .await;
        }
        world
            .ok(
                "DeleteItem",
                json!({"TableName": "leases", "Key": {"k": s(&format!("{round}-3"))}}),
            )
            .await;
        let before = everything(&world).await;
        if round % 2 == 1 {
            world.control.snapshot_now().await.unwrap();
        }
        world = world.restart().await;
        assert_eq!(everything(&world).await, before);
    }
}

#[tokio::test]
async fn two_nodes_take_a_lease_only_once() {
    let one = World::with_tables().await;
    let two = one.second().await;
    for i in 0..20 {
        let take = |owner: &str| {
            json!({
                "TableName": "leases", "Item": {"k": s(&format!("lease-{i}")), "by": s(owner)},
                "ConditionExpression": "attribute_not_exists(k)",
            })
        };
        let (a, b) = tokio::join!(one.call("PutItem", take("one")), two.call("PutItem", take("two")));
        assert!(a.is_ok() != b.is_ok(), "exactly one of both");
    }
    let items = |answer: Value| answer["Items"].clone();
    // A write of its own brings each node to where the other is.
    one.put("leases", json!({"k": s("last")})).await;
    two.put("leases", json!({"k": s("last")})).await;
    let scan = json!({"TableName": "leases"});
    assert_eq!(
        items(one.ok("Scan", scan.clone()).await),
        items(two.ok("Scan", scan).await)
    );
}

//! The very forms that KCL and the DynamoDB lock client send.

use serde_json::{Value, json};

use crate::world::{World, def, n, open, s, schema};

async fn application() -> World {
    let world = open().await;
    let table = |name: &str, key: &str| {
        json!({
            "TableName": name,
            "KeySchema": [schema(key, "HASH")],
            "AttributeDefinitions": [def(key, "S")],
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": false,
            "Tags": [{"Key": "team", "Value": "streams"}],
        })
    };
    for (name, key) in [
        ("app", "leaseKey"),
        ("app-CoordinatorState", "key"),
        ("app-WorkerMetricStats", "wid"),
    ] {
        let missing = world.refused("DescribeTable", json!({"TableName": name})).await;
        assert!(missing.starts_with("ResourceNotFoundException"), "{missing}");
        world.ok("CreateTable", table(name, key)).await;
    }
    world
}

fn lease(key: &str, owner: &str, counter: u32) -> Value {
    json!({
        "leaseKey": s(key), "leaseOwner": s(owner), "leaseCounter": n(counter), "checkpoint": s("TRIM_HORIZON"),
        "checkpointSubSequenceNumber": n(0), "ownerSwitchesSinceCheckpoint": n(0),
        "parentShardId": {"SS": ["shardId-000000000000"]}, "throughputKBps": n("1.49E-4"),
    })
}

#[tokio::test]
async fn a_lease_is_made_renewed_taken_and_deleted() {
    let world = application().await;
    let make = json!({
        "TableName": "app", "Item": lease("shardId-000000000001", "w1", 1),
        "Expected": {"leaseKey": {"Exists": false}},
    });
    world.ok("PutItem", make.clone()).await;
    assert!(
        world
            .refused("PutItem", make)
            .await
            .starts_with("ConditionalCheckFailedException")
    );

    let renew = |expected: Value, updates: Value| {
        json!({
            "TableName": "app", "Key": {"leaseKey": s("shardId-000000000001")}, "Expected": expected,
            "AttributeUpdates": updates, "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        })
    };
    let counter = json!({"leaseCounter": {"Action": "PUT", "Value": n(2)}});
    let expected = json!({"leaseCounter": {"Value": n(1)}, "leaseOwner": {"Value": s("w1")}});
    let after = world
        .ok("UpdateItem", renew(expected.clone(), counter.clone()))
        .await;
    assert_eq!(after["Attributes"]["leaseCounter"], n(2));
    assert_eq!(after["Attributes"]["throughputKBps"], n("0.000149"));
    let lost = world.refusal("UpdateItem", renew(expected, counter)).await;
    assert_eq!(
        lost["Item"]["leaseCounter"],
        n(2),
        "the holder sees what it lost against"
    );

    let take = json!({
        "leaseOwner": {"Action": "PUT", "Value": s("w2")}, "leaseCounter": {"Action": "ADD", "Value": n(1)},
        "ownerSwitchesSinceCheckpoint": {"Action": "ADD", "Value": n(1)}, "pendingCheckpoint": {"Action": "DELETE"},
    });
    let after = world
        .ok(
            "UpdateItem",
            renew(json!({"leaseOwner": {"Value": s("w1")}}), take),
        )
        .await;
    assert_eq!(after["Attributes"]["leaseOwner"], s("w2"));
    assert_eq!(after["Attributes"]["ownerSwitchesSinceCheckpoint"], n(1));

    let delete = |owner: &str| {
        json!({
            "TableName": "app", "Key": {"leaseKey": s("shardId-000000000001")},
            "Expected": {"leaseOwner": {"Value": s(owner)}},
        })
    };
    assert!(
        world
            .refused("DeleteItem", delete("w1"))
            .await
            .starts_with("ConditionalCheckFailedException")
    );
    world.ok("DeleteItem", delete("w2")).await;
}

#[tokio::test]
async fn leases_are_found_by_their_owner() {
    let world = application().await;
    for i in 0..6 {
        let mut item = lease(&format!("shardId-{i:012}"), &format!("w{}", i % 2), 1);
        if i == 5 {
            item.as_object_mut().unwrap().remove("leaseOwner");
        }
        world.put("app", item).await;
    }
    world
        .ok(
            "UpdateTable",
            json!({
                "TableName": "app",
                "AttributeDefinitions": [def("leaseOwner", "S"), def("leaseKey", "S")],
                "GlobalSecondaryIndexUpdates": [{"Create": {
                    "IndexName": "LeaseOwnerToLeaseKeyIndex",
                    "KeySchema": [schema("leaseOwner", "HASH"), schema("leaseKey", "RANGE")],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }}],
            }),
        )
        .await;
    let table = world.ok("DescribeTable", json!({"TableName": "app"})).await;
    assert_eq!(
        table["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"],
        "ACTIVE"
    );
    let query = json!({
        "TableName": "app", "IndexName": "LeaseOwnerToLeaseKeyIndex",
        "KeyConditionExpression": "leaseOwner = :leaseOwner",
        "ExpressionAttributeValues": {":leaseOwner": s("w1")},
    });
    let found = world.ok("Query", query).await;
    let keys: Vec<&str> = found["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["leaseKey"]["S"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["shardId-000000000001", "shardId-000000000003"]);
    let one = world
        .ok(
            "Scan",
            json!({"TableName": "app", "Limit": 1, "ConsistentRead": false}),
        )
        .await;
    assert_eq!(one["Count"], 1);
}

#[tokio::test]
async fn coordinator_state_and_worker_metrics() {
    let world = application().await;
    let acquire = json!({
        "TableName": "app-CoordinatorState",
        "Item": {"key": s("Leader"), "ownerName": s("w1"), "recordVersionNumber": s("v1"), "leaseDuration": s("1000")},
        "ConditionExpression": "attribute_not_exists(#pk)",
        "ExpressionAttributeNames": {"#pk": "key"},
    });
    world.ok("PutItem", acquire.clone()).await;
    assert!(
        world
            .refused("PutItem", acquire)
            .await
            .starts_with("ConditionalCheckFailedException")
    );
    let steal = |version: &str| {
        json!({
            "TableName": "app-CoordinatorState",
            "Item": {"key": s("Leader"), "ownerName": s("w2"), "recordVersionNumber": s("v2")},
            "ConditionExpression": "attribute_exists(#pk) AND #rvn = :rvn AND #on = :on",
            "ExpressionAttributeNames": {"#pk": "key", "#rvn": "recordVersionNumber", "#on": "ownerName"},
            "ExpressionAttributeValues": {":rvn": s(version), ":on": s("w1")},
        })
    };
    assert!(
        world
            .refused("PutItem", steal("v0"))
            .await
            .starts_with("ConditionalCheckFailedException")
    );
    world.ok("PutItem", steal("v1")).await;

    let stats = json!({
        "TableName": "app-WorkerMetricStats", "Key": {"wid": s("w1")},
        "UpdateExpression": "SET #lut = :lut, #sts = :sts, #opr = :opr",
        "ExpressionAttributeNames": {"#lut": "lut", "#sts": "sts", "#opr": "opr"},
        "ExpressionAttributeValues": {
            ":lut": n(1_700_000_000), ":sts": {"M": {"C": {"L": [n("1.49E-4"), n(-1)]}}}, ":opr": {"M": {"C": {"L": [n(80)]}}},
        },
        "ReturnValues": "NONE",
    });
    world.ok("UpdateItem", stats).await;
    let scan = world
        .ok("Scan", json!({"TableName": "app-WorkerMetricStats"}))
        .await;
    assert_eq!(scan["Items"][0]["sts"]["M"]["C"]["L"][0], n("0.000149"));
    let delete = json!({
        "TableName": "app-WorkerMetricStats", "Key": {"wid": s("w1")},
        "ConditionExpression": "#key = :value AND attribute_exists (wid)",
        "ExpressionAttributeNames": {"#key": "lut"}, "ExpressionAttributeValues": {":value": n(1_700_000_000)},
    });
    world.ok("DeleteItem", delete).await;
}

#[tokio::test]
async fn a_single_table_is_told_apart_by_type_and_migrated() {
    let world = application().await;
    let mut item = lease("l1", "w1", 1);
    item["entityType"] = s("LEASE");
    world.put("app", item).await;
    world
        .put(
            "app",
            json!({"leaseKey": s("Leader"), "entityType": s("COORDINATOR"), "ownerName": s("w1")}),
        )
        .await;
    for (filter, names) in [
        ("entityType = :x", json!({})),
        ("#et = :x", json!({"#et": "entityType"})),
    ] {
        let mut scan = json!({
            "TableName": "app", "FilterExpression": filter, "ExpressionAttributeValues": {":x": s("LEASE")},
            "ConsistentRead": true, "TotalSegments": 1, "Segment": 0,
        });
        if names.as_object().is_some_and(|names| !names.is_empty()) {
            scan["ExpressionAttributeNames"] = names;
        }
        let found = world.ok("Scan", scan).await;
        assert_eq!((&found["Count"], &found["ScannedCount"]), (&json!(1), &json!(2)));
    }
    let migrate = |owner: &str| {
        json!({"TransactItems": [
            {"ConditionCheck": {
                "TableName": "app", "Key": {"leaseKey": s("Leader")}, "ConditionExpression": "ownerName = :owner",
                "ExpressionAttributeValues": {":owner": s(owner)},
            }},
            {"Put": {
                "TableName": "app", "Item": {"leaseKey": s("Migration"), "tableMigrationStatus": s("PENDING")},
                "ConditionExpression": "attribute_not_exists(leaseKey) OR tableMigrationStatus = :expectedStatus",
                "ExpressionAttributeValues": {":expectedStatus": s("PENDING")},
            }},
            {"Delete": {"TableName": "app-CoordinatorState", "Key": {"key": s("old")}}},
        ]})
    };
    let refusal = world.refusal("TransactWriteItems", migrate("w2")).await;
    assert_eq!(
        refusal["CancellationReasons"][0]["Code"],
        "ConditionalCheckFailed"
    );
    world.ok("TransactWriteItems", migrate("w1")).await;
    world.ok("TransactWriteItems", migrate("w1")).await;
}

//! Tables and their indexes.

use serde_json::json;

use crate::world::{ACCOUNT, REGION, World, caller, def, leases, open, s, schema};

#[tokio::test]
async fn a_table_is_made_told_listed_and_deleted() {
    let world = open().await;
    let made = world.ok("CreateTable", leases()).await;
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING");
    let table = world.ok("DescribeTable", json!({"TableName": "leases"})).await["Table"].clone();
    assert_eq!(table["TableStatus"], "ACTIVE");
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["CreationDateTime"], 1_700_000_000);
    assert_eq!(
        table["TableArn"],
        format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/leases")
    );
    assert_eq!(table["TableId"].as_str().unwrap().len(), 36);
    assert_eq!(
        (&table["ItemCount"], &table["TableSizeBytes"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(table["DeletionProtectionEnabled"], false);
    assert!(table.get("GlobalSecondaryIndexes").is_none());

    world.put("leases", json!({"k": s("a"), "v": s("xyz")})).await;
    let table = world.ok("DescribeTable", json!({"TableName": "leases"})).await["Table"].clone();
    assert_eq!(
        (&table["ItemCount"], &table["TableSizeBytes"]),
        (&json!(1), &json!(6))
    );

    let again = world.refused("CreateTable", leases()).await;
    assert_eq!(again, "ResourceInUseException: Table already exists: leases");
    let gone = world.ok("DeleteTable", json!({"TableName": "leases"})).await;
    assert_eq!(gone["TableDescription"]["TableStatus"], "DELETING");
    let gone = world
        .refused("DescribeTable", json!({"TableName": "leases"}))
        .await;
    assert_eq!(
        gone,
        "ResourceNotFoundException: Requested resource not found: Table: leases not found"
    );
    world.ok("CreateTable", leases()).await;
    assert!(world.lease("a").await.is_null(), "a new table is empty");
}

#[tokio::test]
async fn names_and_arns_mean_the_same_table_of_the_caller() {
    let world = World::with_tables().await;
    let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/leases");
    world.put(&arn, json!({"k": s("a")})).await;
    assert_eq!(world.lease("a").await, json!({"k": s("a")}));
    let other = world
        .call_as(
            &caller("111111111111", REGION),
            "DescribeTable",
            &json!({"TableName": "leases"}),
        )
        .await;
    assert_eq!(other.unwrap_err().short_code(), "ResourceNotFoundException");
    let other = world
        .call_as(
            &caller("111111111111", REGION),
            "DescribeTable",
            &json!({"TableName": arn}),
        )
        .await;
    assert_eq!(other.unwrap_err().short_code(), "AccessDeniedException");
    let other = world
        .call_as(&caller(ACCOUNT, "eu-west-1"), "ListTables", &json!({}))
        .await;
    assert_eq!(other.unwrap(), json!({"TableNames": []}));
    for name in [
        "ab",
        "a b",
        &"x".repeat(256),
        "arn:aws:dynamodb:us-east-1:000000000000:stream/x",
    ] {
        let refused = world.refused("DescribeTable", json!({"TableName": name})).await;
        assert!(
            refused.starts_with("ValidationException: Invalid table"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn tables_are_listed_in_pages() {
    let world = open().await;
    for name in ["ccc", "aaa", "bbb"] {
        let mut table = leases();
        table["TableName"] = json!(name);
        world.ok("CreateTable", table).await;
    }
    let page = world.ok("ListTables", json!({"Limit": 2})).await;
    assert_eq!(
        page,
        json!({"TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"})
    );
    let page = world
        .ok(
            "ListTables",
            json!({"Limit": 2, "ExclusiveStartTableName": "bbb"}),
        )
        .await;
    assert_eq!(page, json!({"TableNames": ["ccc"]}));
}

#[tokio::test]
async fn protection_billing_and_backups_can_be_changed() {
    let world = World::with_tables().await;
    let update = |body| async { world.ok("UpdateTable", body).await["TableDescription"].clone() };
    let table = update(json!({"TableName": "leases", "DeletionProtectionEnabled": true})).await;
    assert_eq!(
        (&table["TableStatus"], &table["DeletionProtectionEnabled"]),
        (&json!("UPDATING"), &json!(true))
    );
    let refused = world.refused("DeleteTable", json!({"TableName": "leases"})).await;
    assert!(
        refused.contains("currently protected against deletion"),
        "{refused}"
    );
    update(json!({"TableName": "leases", "DeletionProtectionEnabled": false})).await;

    let units = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 6});
    let table =
        update(json!({"TableName": "leases", "BillingMode": "PROVISIONED", "ProvisionedThroughput": units}))
            .await;
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PROVISIONED");
    assert_eq!(table["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    let refused = world.refused("UpdateTable", json!({"TableName": "leases"})).await;
    assert!(
        refused.starts_with("ValidationException: At least one of ProvisionedThroughput"),
        "{refused}"
    );
    let streams = json!({"TableName": "leases", "StreamSpecification": {"StreamEnabled": true}});
    let refused = world.refused("UpdateTable", streams).await;
    assert!(
        refused.contains("StreamSpecification is not supported by Millrace"),
        "{refused}"
    );

    let wanted = json!({"TableName": "leases", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    let answer = world.ok("UpdateContinuousBackups", wanted).await["ContinuousBackupsDescription"].clone();
    assert_eq!(
        answer["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "ENABLED"
    );
    assert_eq!(
        answer["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"],
        1_700_000_000
    );
    let missing = json!({"TableName": "nope", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    assert_eq!(
        world.refused("UpdateContinuousBackups", missing).await,
        "TableNotFoundException: Table not found: nope"
    );
    let ttl = world
        .ok("DescribeTimeToLive", json!({"TableName": "leases"}))
        .await;
    assert_eq!(
        ttl,
        json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}})
    );
}

#[tokio::test]
async fn an_index_comes_and_goes() {
    let world = World::with_tables().await;
    world
        .put("leases", json!({"k": s("l1"), "leaseOwner": s("w1")}))
        .await;
    world.put("leases", json!({"k": s("l2")})).await;
    let index = json!({
        "IndexName": "by_owner",
        "KeySchema": [schema("leaseOwner", "HASH"), schema("k", "RANGE")],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    });
    let create = |definitions| {
        json!({
            "TableName": "leases",
            "AttributeDefinitions": definitions,
            "GlobalSecondaryIndexUpdates": [{"Create": index}],
        })
    };
    let refused = world
        .refused("UpdateTable", create(json!([def("leaseOwner", "S")])))
        .await;
    assert!(
        refused.contains("Keys: [leaseOwner, k], AttributeDefinitions: [leaseOwner]"),
        "{refused}"
    );
    let definitions = json!([def("leaseOwner", "S"), def("k", "S")]);
    let answer = world.ok("UpdateTable", create(definitions.clone())).await["TableDescription"].clone();
    assert_eq!(answer["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");
    let table = world.ok("DescribeTable", json!({"TableName": "leases"})).await["Table"].clone();
    let found = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (&found["IndexStatus"], &found["ItemCount"]),
        (&json!("ACTIVE"), &json!(1))
    );
    assert_eq!(
        found["IndexArn"],
        format!("{}/index/by_owner", table["TableArn"].as_str().unwrap())
    );
    let query = json!({
        "TableName": "leases",
        "IndexName": "by_owner",
        "KeyConditionExpression": "leaseOwner = :leaseOwner",
        "ExpressionAttributeValues": {":leaseOwner": s("w1")},
    });
    let answer = world.ok("Query", query.clone()).await;
    assert_eq!(answer["Items"], json!([{"k": s("l1"), "leaseOwner": s("w1")}]));
    let again = world.refused("UpdateTable", create(definitions)).await;
    assert!(again.contains("already exists: by_owner"), "{again}");
    let delete = json!({
        "TableName": "leases", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by_owner"}}],
    });
    let answer = world.ok("UpdateTable", delete.clone()).await["TableDescription"].clone();
    assert!(answer.get("GlobalSecondaryIndexes").is_none());
    assert_eq!(answer["AttributeDefinitions"], json!([def("k", "S")]));
    assert!(
        world
            .refused("UpdateTable", delete)
            .await
            .starts_with("ResourceNotFoundException")
    );
    let refused = world.refused("Query", query).await;
    assert_eq!(
        refused,
        "ValidationException: The table does not have the specified index: by_owner"
    );
}

#[tokio::test]
async fn what_makes_no_table_is_refused() {
    let world = open().await;
    let mut cases = Vec::new();
    let mut case = |change: serde_json::Value, text: &'static str| {
        let mut table = leases();
        for (name, value) in change.as_object().unwrap() {
            table[name.as_str()] = value.clone();
        }
        cases.push((table, text));
    };
    case(
        json!({"KeySchema": [schema("k", "RANGE")]}),
        "The first KeySchemaElement is not a HASH key type",
    );
    case(
        json!({"KeySchema": [schema("z", "HASH")]}),
        "Keys: [z], AttributeDefinitions: [k]",
    );
    case(
        json!({"AttributeDefinitions": [def("k", "S"), def("z", "S")]}),
        "Number of attributes in KeySchema does not exactly match",
    );
    case(
        json!({"BillingMode": "PROVISIONED"}),
        "must both be specified when BillingMode is PROVISIONED",
    );
    case(
        json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}),
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified",
    );
    case(
        json!({"Tags": [{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}]}),
        "Duplicate keys in Tags",
    );
    case(
        json!({"SSESpecification": {"Enabled": true, "KMSMasterKeyId": "alias/own"}}),
        "KMSMasterKeyId of SSESpecification is not supported",
    );
    case(
        json!({"LocalSecondaryIndexes": [{
            "IndexName": "lll",
            "KeySchema": [schema("k", "HASH")],
            "Projection": {"ProjectionType": "ALL"},
        }]}),
        "Table KeySchema does not have a range key",
    );
    case(
        json!({"GlobalSecondaryIndexes": [{
            "IndexName": "ggg",
            "KeySchema": [schema("k", "HASH")],
            "Projection": {"ProjectionType": "KEYS_ONLY", "NonKeyAttributes": ["a"]},
        }]}),
        "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
    );
    for (table, text) in cases {
        let refused = world.refused("CreateTable", table).await;
        assert!(
            refused.starts_with("ValidationException: ") && refused.contains(text),
            "{refused}"
        );
    }
}

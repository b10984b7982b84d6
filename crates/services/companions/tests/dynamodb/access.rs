//! Who may do what: every operation asks, and for every table that it touches.

use std::sync::Arc;

use millrace_api::dynamodb::SERVICE;
use millrace_wire::policy::{Kind, Policy, Principal};
use millrace_wire::{Caller, Identity};
use serde_json::{Value, json};

use crate::world::{self, ACCOUNT, REGION, World};

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/leases";

fn user(actions: &[&str], resources: &[&str]) -> Caller {
    let principal = Principal::User {
        account: ACCOUNT.to_owned(),
        name: "ana".to_owned(),
    };
    let mut identity = Identity::new(principal, "AIDAANA");
    if !actions.is_empty() {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resources});
        let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        identity.policies = vec![Policy::parse(&text, Kind::Identity).unwrap()];
    }
    Caller {
        identity: Arc::new(identity),
        ..Caller::root(ACCOUNT, REGION)
    }
}

fn request(op: &str) -> Value {
    let key = json!({"leaseKey": {"S": "a"}});
    match op {
        "BatchGetItem" => json!({"RequestItems": {"leases": {"Keys": [key]}}}),
        "BatchWriteItem" => json!({"RequestItems": {"leases": [{"PutRequest": {"Item": key}}]}}),
        "CreateTable" => json!({
            "TableName": "other", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "leaseKey", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "leaseKey", "AttributeType": "S"}],
        }),
        "DeleteItem" | "GetItem" | "UpdateItem" => json!({"TableName": "leases", "Key": key}),
        "ListTables" => json!({}),
        "ListTagsOfResource" => json!({"ResourceArn": ARN}),
        "TagResource" => json!({"ResourceArn": ARN, "Tags": [{"Key": "a", "Value": "b"}]}),
        "UntagResource" => json!({"ResourceArn": ARN, "TagKeys": ["a"]}),
        "UpdateTimeToLive" => json!({
            "TableName": "leases", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ttl"},
        }),
        "PutItem" => json!({"TableName": "leases", "Item": key}),
        "Query" => json!({
            "TableName": "leases", "KeyConditionExpression": "leaseKey = :k",
            "ExpressionAttributeValues": {":k": {"S": "a"}},
        }),
        "TransactGetItems" => json!({"TransactItems": [{"Get": {"TableName": "leases", "Key": key}}]}),
        "TransactWriteItems" => json!({"TransactItems": [{"Put": {"TableName": "leases", "Item": key}}]}),
        "UpdateContinuousBackups" => json!({
            "TableName": "leases",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
        }),
        "UpdateTable" => json!({"TableName": "leases", "DeletionProtectionEnabled": false}),
        // DeleteTable, DescribeTable, DescribeTimeToLive, Scan
        _ => json!({"TableName": "leases"}),
    }
}

/// What an operation takes: its parts are asked for one by one where it is a transaction.
fn action(op: &str) -> String {
    let name = match op {
        "TransactGetItems" => "GetItem",
        "TransactWriteItems" => "PutItem",
        other => other,
    };
    format!("dynamodb:{name}")
}

async fn asked(world: &World, caller: &Caller, op: &str) -> String {
    match world.call_as(caller, op, &request(op)).await {
        Ok(_) => "OK".to_owned(),
        Err(error) => error.to_string(),
    }
}

async fn with_table() -> World {
    let world = world::open().await;
    let mut table = request("CreateTable");
    table["TableName"] = json!("leases");
    world
        .call_as(&Caller::root(ACCOUNT, REGION), "CreateTable", &table)
        .await
        .unwrap();
    world
}

#[tokio::test]
async fn every_operation_asks_whether_it_is_allowed() {
    let mut seen = 0;
    for op in SERVICE.operations {
        let world = with_table().await;
        let refused = asked(&world, &user(&[], &[]), op.name).await;
        if refused.starts_with("UnknownOperation") || refused.contains("not supported") {
            continue;
        }
        seen += 1;
        let wanted = format!("is not authorized to perform: {}", action(op.name));
        assert!(
            refused.contains("AccessDeniedException") && refused.contains(&wanted),
            "{}: {refused}",
            op.name
        );
        let elsewhere = user(
            &[&action(op.name)],
            &["arn:aws:dynamodb:us-east-1:000000000000:table/x"],
        );
        let refused = asked(&world, &elsewhere, op.name).await;
        assert!(refused.contains(&wanted), "{}: {refused}", op.name);
        let allowed = asked(&world, &user(&[&action(op.name)], &["*"]), op.name).await;
        assert!(!allowed.contains("AccessDenied"), "{}: {allowed}", op.name);
    }
    assert_eq!(seen, 21);
}

#[tokio::test]
async fn a_batch_takes_permission_for_each_of_its_tables() {
    let world = with_table().await;
    let ana = user(&["dynamodb:BatchWriteItem"], &[ARN]);
    assert_eq!(asked(&world, &ana, "BatchWriteItem").await, "OK");
    let put = json!([{"PutRequest": {"Item": {"leaseKey": {"S": "a"}}}}]);
    let both = json!({"RequestItems": {"leases": put, "others": put}});
    let refused = world.call_as(&ana, "BatchWriteItem", &both).await.unwrap_err();
    assert!(
        refused
            .message
            .contains("on resource: arn:aws:dynamodb:us-east-1:000000000000:table/others")
    );
}

#[tokio::test]
async fn an_index_is_a_resource_of_its_own() {
    let world = with_table().await;
    let mut body = request("Query");
    body["IndexName"] = json!("byOwner");
    let ana = user(&["dynamodb:Query"], &[ARN]);
    let refused = world.call_as(&ana, "Query", &body).await.unwrap_err();
    assert!(
        refused.message.contains("table/leases/index/byOwner"),
        "{refused}"
    );
    let ana = user(&["dynamodb:Query"], &[&format!("{ARN}/index/*")]);
    let refused = world.call_as(&ana, "Query", &body).await.unwrap_err();
    assert!(!refused.message.contains("not authorized"), "{refused}");
}

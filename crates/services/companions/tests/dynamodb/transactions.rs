//! Transactions: all or nothing, with reasons, once for each token.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, n, s};

fn put(key: &str, condition: Option<&str>) -> Value {
    let mut put = json!({"TableName": "leases", "Item": {"k": s(key), "v": n(1)}});
    if let Some(condition) = condition {
        put["ConditionExpression"] = json!(condition);
    }
    json!({"Put": put})
}

fn all(items: &[Value]) -> Value {
    json!({"TransactItems": items})
}

#[tokio::test]
async fn all_kinds_of_writes_are_done_together() {
    let world = World::with_tables().await;
    for key in ["old", "migration"] {
        world
            .put("leases", json!({"k": s(key), "ownerName": s("me")}))
            .await;
    }
    let check = json!({"ConditionCheck": {
        "TableName": "leases", "Key": {"k": s("migration")}, "ConditionExpression": "ownerName = :owner",
        "ExpressionAttributeValues": {":owner": s("me")},
    }});
    let update = json!({"Update": {
        "TableName": "leases", "Key": {"k": s("counter")}, "UpdateExpression": "ADD c :one",
        "ExpressionAttributeValues": {":one": n(1)},
    }});
    let delete = json!({"Delete": {"TableName": "leases", "Key": {"k": s("old")}}});
    let mut body = all(&[put("new", Some("attribute_not_exists(k)")), check, update, delete]);
    body["ReturnConsumedCapacity"] = json!("TOTAL");
    let answer = world.ok("TransactWriteItems", body).await;
    assert_eq!(answer["ConsumedCapacity"][0]["WriteCapacityUnits"], 8.0);
    assert_eq!(world.lease("new").await["v"], n(1));
    assert_eq!(world.lease("counter").await["c"], n(1));
    assert!(world.lease("old").await.is_null());
    let got = world
        .ok(
            "TransactGetItems",
            json!({"TransactItems": [
                {"Get": {"TableName": "leases", "Key": {"k": s("counter")}}},
                {"Get": {"TableName": "leases", "Key": {"k": s("old")}}},
                {"Get": {"TableName": "leases", "Key": {"k": s("new")}, "ProjectionExpression": "nothing"}},
            ]}),
        )
        .await;
    assert_eq!(
        got,
        json!({"Responses": [{"Item": {"k": s("counter"), "c": n(1)}}, {}, {}]})
    );
}

#[tokio::test]
async fn one_that_fails_undoes_all() {
    let world = World::with_tables().await;
    world.put("leases", json!({"k": s("taken"), "v": n(7)})).await;
    let mut second = put("taken", Some("attribute_not_exists(k)"));
    second["Put"]["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let missing =
        json!({"Update": {"TableName": "leases", "Key": {"k": s("x")}, "UpdateExpression": "SET a = b"}});
    let refusal = world
        .refusal("TransactWriteItems", all(&[put("new", None), second, missing]))
        .await;
    let expected = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons \
                    [None, ConditionalCheckFailed, ValidationError]",
        "CancellationReasons": [
            {"Code": "None"},
            {
                "Code": "ConditionalCheckFailed", "Message": "The conditional request failed",
                "Item": {"k": s("taken"), "v": n(7)},
            },
            {
                "Code": "ValidationError",
                "Message": "The provided expression refers to an attribute that does not exist in the item",
            },
        ],
    });
    assert_eq!(refusal, expected);
    assert!(world.lease("new").await.is_null());
}

#[tokio::test]
async fn an_item_has_one_part_in_a_transaction() {
    let world = World::with_tables().await;
    let text = "ValidationException: Transaction request cannot include multiple operations on one item";
    assert_eq!(
        world
            .refused("TransactWriteItems", all(&[put("a", None), put("a", None)]))
            .await,
        text
    );
    let get = json!({"Get": {"TableName": "leases", "Key": {"k": s("a")}}});
    assert_eq!(
        world.refused("TransactGetItems", all(&[get.clone(), get])).await,
        text
    );
    let empty = world.refused("TransactWriteItems", all(&[json!({})])).await;
    assert!(
        empty.contains("should contain Delete or Put or Update request"),
        "{empty}"
    );
    let mut two = put("a", None);
    two["Delete"] = json!({"TableName": "leases", "Key": {"k": s("b")}});
    let two = world.refused("TransactWriteItems", all(&[two])).await;
    assert!(
        two.contains("can only contain one of Check, Put, Update or Delete"),
        "{two}"
    );
    let nowhere = json!({"Put": {"TableName": "nope", "Item": {"k": s("a")}}});
    let nowhere = world
        .refused("TransactWriteItems", all(&[put("a", None), nowhere]))
        .await;
    assert!(nowhere.starts_with("ResourceNotFoundException"), "{nowhere}");
    let key = json!({"Put": {"TableName": "leases", "Item": {"k": s("")}}});
    assert!(
        world
            .refused("TransactWriteItems", all(&[key]))
            .await
            .starts_with("ValidationException")
    );
}

#[tokio::test]
async fn a_token_is_good_for_one_transaction() {
    let world = World::with_tables().await;
    let add = |by: u32| {
        json!({
            "ClientRequestToken": "token",
            "TransactItems": [{"Update": {
                "TableName": "leases", "Key": {"k": s("c")}, "UpdateExpression": "ADD c :by",
                "ExpressionAttributeValues": {":by": n(by)},
            }}],
        })
    };
    world.ok("TransactWriteItems", add(1)).await;
    world.ok("TransactWriteItems", add(1)).await;
    assert_eq!(world.lease("c").await["c"], n(1));
    let other = world.refused("TransactWriteItems", add(2)).await;
    assert!(
        other.starts_with("IdempotentParameterMismatchException"),
        "{other}"
    );
    let world = world.restart().await;
    world.ok("TransactWriteItems", add(1)).await;
    assert_eq!(world.lease("c").await["c"], n(1), "remembered over a restart");
    world.clock.advance(Duration::from_secs(601));
    world.ok("TransactWriteItems", add(2)).await;
    assert_eq!(world.lease("c").await["c"], n(3));
}

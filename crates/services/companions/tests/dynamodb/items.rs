//! Single items: what is put is got, conditions, updates and what they answer.

use serde_json::{Value, json};

use crate::world::{World, n, s};

#[tokio::test]
async fn every_type_comes_back_as_the_service_prints_it() {
    let world = World::with_tables().await;
    let put = json!({
        "k": s("a"), "s": s(""), "n": n("1.490E-4"), "b": {"B": "AP8="}, "t": {"BOOL": false}, "z": {"NULL": true},
        "l": {"L": [s("x"), {"L": []}]}, "m": {"M": {"a": n(-1)}}, "ss": {"SS": ["b", "a"]},
        "ns": {"NS": ["3", "1.0"]}, "bs": {"BS": ["Yg==", "YQ=="]},
    });
    world.put("leases", put.clone()).await;
    let mut expected = put;
    expected["n"] = n("0.000149");
    expected["ss"] = json!({"SS": ["a", "b"]});
    expected["ns"] = json!({"NS": ["1", "3"]});
    expected["bs"] = json!({"BS": ["YQ==", "Yg=="]});
    assert_eq!(world.lease("a").await, expected);
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused() {
    let world = World::with_tables().await;
    let cases = [
        (
            json!({"k": n(1)}),
            "Type mismatch for key k expected: S actual: N",
        ),
        (json!({"v": s("x")}), "Missing the key k in the item"),
        (
            json!({"k": s("")}),
            "cannot contain an empty string value. Key: k",
        ),
        (
            json!({"k": s(&"x".repeat(2049))}),
            "Size of hashkey has exceeded the maximum size limit",
        ),
        (json!({"k": s("a"), "v": {}}), "Supplied AttributeValue is empty"),
        (
            json!({"k": s("a"), "v": {"S": "a", "N": "1"}}),
            "more than one datatypes set",
        ),
        (
            json!({"k": s("a"), "v": {"SS": ["x", "x"]}}),
            "Input collection [x, x] contains duplicates",
        ),
        (
            json!({"k": s("a"), "v": n("x")}),
            "cannot be converted to a numeric value: x",
        ),
        (
            json!({"k": s("a"), "v": s(&"x".repeat(400 * 1024))}),
            "Item size has exceeded the maximum allowed size",
        ),
    ];
    for (item, text) in cases {
        let refused = world
            .refused("PutItem", json!({"TableName": "leases", "Item": item}))
            .await;
        assert!(
            refused.starts_with("ValidationException: ") && refused.contains(text),
            "{refused}"
        );
    }
    let whole = json!({"k": s("a"), "v": s(&"x".repeat(400 * 1024 - 3))});
    world.put("leases", whole).await;
    let longer = json!({
        "TableName": "leases", "Key": {"k": s("a")}, "UpdateExpression": "SET w = :w",
        "ExpressionAttributeValues": {":w": s("x")},
    });
    let refused = world.refused("UpdateItem", longer).await;
    assert!(
        refused.ends_with("Item size to update has exceeded the maximum allowed size"),
        "{refused}"
    );
    let bad = json!({"TableName": "orders", "Item": {"k": s("a"), "r": n(1), "g": n(1)}});
    let refused = world.refused("PutItem", bad).await;
    assert!(
        refused.contains("Type mismatch for Index Key g Expected: S Actual: N IndexName: by_g"),
        "{refused}"
    );
    for key in [
        json!({}),
        json!({"k": n(1)}),
        json!({"k": s("a"), "z": s("b")}),
        json!({"z": s("a")}),
    ] {
        let refused = world
            .refused("GetItem", json!({"TableName": "leases", "Key": key}))
            .await;
        assert_eq!(
            refused,
            "ValidationException: The provided key element does not match the schema"
        );
    }
}

#[tokio::test]
async fn a_condition_that_fails_tells_the_item_to_who_asks() {
    let world = World::with_tables().await;
    world.put("leases", json!({"k": s("a"), "v": n(1)})).await;
    let mut put = json!({
        "TableName": "leases", "Item": {"k": s("a")}, "ConditionExpression": "attribute_not_exists(k)",
    });
    let refusal = world.refusal("PutItem", put.clone()).await;
    let plain = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    });
    assert_eq!(refusal, plain);
    put["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let refusal = world.refusal("PutItem", put.clone()).await;
    assert_eq!(refusal["Item"], json!({"k": s("a"), "v": n(1)}));
    put["Item"]["k"] = s("new");
    put["ConditionExpression"] = json!("attribute_exists(k)");
    let refusal = world.refusal("PutItem", put).await;
    assert_eq!(refusal, plain, "there is no item to tell");
    assert_eq!(world.lease("a").await["v"], n(1));
}

#[tokio::test]
async fn what_is_returned_is_what_was_asked_for() {
    let world = World::with_tables().await;
    let item =
        json!({"k": s("a"), "n": n(1), "m": {"M": {"x": n(1), "y": n(2)}}, "l": {"L": [s("p"), s("q")]}});
    let update = |expression: &'static str, returned: &'static str| {
        let (world, item) = (&world, item.clone());
        async move {
            world.put("leases", item).await;
            let mut body = json!({
                "TableName": "leases", "Key": {"k": s("a")}, "UpdateExpression": expression, "ReturnValues": returned,
            });
            if expression.contains(":v") {
                body["ExpressionAttributeValues"] = json!({":v": n(9)});
            }
            world.ok("UpdateItem", body).await["Attributes"].clone()
        }
    };
    assert_eq!(update("SET n = :v", "UPDATED_OLD").await, json!({"n": n(1)}));
    assert_eq!(update("SET n = :v", "UPDATED_NEW").await, json!({"n": n(9)}));
    assert_eq!(
        update("SET m.x = :v", "UPDATED_NEW").await,
        json!({"m": {"M": {"x": n(9)}}})
    );
    assert_eq!(
        update("SET m.x = :v", "UPDATED_OLD").await,
        json!({"m": {"M": {"x": n(1)}}})
    );
    assert_eq!(
        update("SET l[1] = :v", "UPDATED_NEW").await,
        json!({"l": {"L": [n(9)]}})
    );
    assert_eq!(update("SET l[7] = :v", "UPDATED_NEW").await, Value::Null);
    assert_eq!(update("REMOVE l[0]", "UPDATED_NEW").await, Value::Null);
    assert_eq!(
        update("REMOVE l[0]", "UPDATED_OLD").await,
        json!({"l": {"L": [s("p")]}})
    );
    assert_eq!(update("REMOVE n", "UPDATED_NEW").await, Value::Null);
    assert_eq!(update("SET n = :v", "NONE").await, Value::Null);
    assert_eq!(update("REMOVE n", "ALL_OLD").await, item);
    assert_eq!(
        update("REMOVE m, l", "ALL_NEW").await,
        json!({"k": s("a"), "n": n(1)})
    );

    let old = world
        .ok(
            "PutItem",
            json!({"TableName": "leases", "Item": {"k": s("a")}, "ReturnValues": "ALL_OLD"}),
        )
        .await;
    assert_eq!(old["Attributes"]["n"], n(1));
    let gone = json!({"TableName": "leases", "Key": {"k": s("a")}, "ReturnValues": "ALL_OLD"});
    assert_eq!(
        world.ok("DeleteItem", gone.clone()).await,
        json!({"Attributes": {"k": s("a")}})
    );
    assert_eq!(world.ok("DeleteItem", gone).await, json!({}));
    let made = json!({"TableName": "leases", "Key": {"k": s("new")}, "ReturnValues": "ALL_NEW"});
    assert_eq!(
        world.ok("UpdateItem", made).await,
        json!({"Attributes": {"k": s("new")}})
    );
}

#[tokio::test]
async fn keys_are_not_updated() {
    let world = World::with_tables().await;
    let update = |table: &'static str, key: Value, expression: &'static str, value: Value| {
        let mut body = json!({"TableName": table, "Key": key, "UpdateExpression": expression});
        if expression.contains(":v") {
            body["ExpressionAttributeValues"] = json!({":v": value});
        }
        world.refused("UpdateItem", body)
    };
    let order = || json!({"k": s("a"), "r": n(1)});
    let refused = update("leases", json!({"k": s("a")}), "SET k = :v", s("b")).await;
    assert!(
        refused.ends_with("Cannot update attribute k. This attribute is part of the key"),
        "{refused}"
    );
    let refused = update("orders", order(), "SET g = :v", n(1)).await;
    assert!(refused.contains("Type mismatch for Index Key g"), "{refused}");
    let refused = update("orders", order(), "SET g = r", n(1)).await;
    assert!(
        refused.ends_with("to update the secondary index key to unsupported type"),
        "{refused}"
    );
    let refused = update("orders", order(), "SET g = :v", s("")).await;
    assert!(
        refused.contains("cannot contain an empty string value"),
        "{refused}"
    );
    let refused = update("orders", order(), "SET g.a = :v", s("x")).await;
    assert!(refused.ends_with("are not allowed: IndexKey: g"), "{refused}");
}

#[tokio::test]
async fn units_are_told_and_not_enforced() {
    let world = World::with_tables().await;
    let put = json!({
        "TableName": "orders", "Item": {"k": s("a"), "r": n(1), "g": s("g"), "v": s(&"x".repeat(1500))},
        "ReturnConsumedCapacity": "INDEXES", "ReturnItemCollectionMetrics": "SIZE",
    });
    let answer = world.ok("PutItem", put).await;
    let expected = json!({
        "TableName": "orders", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 2.0},
        "GlobalSecondaryIndexes": {"by_g": {"CapacityUnits": 1.0}},
    });
    assert_eq!(answer["ConsumedCapacity"], expected);
    assert_eq!(
        answer["ItemCollectionMetrics"]["ItemCollectionKey"],
        json!({"k": s("a")})
    );
    let get = json!({
        "TableName": "orders", "Key": {"k": s("a"), "r": n(1)}, "ReturnConsumedCapacity": "TOTAL",
    });
    let answer = world.ok("GetItem", get).await;
    assert_eq!(
        answer["ConsumedCapacity"],
        json!({"TableName": "orders", "CapacityUnits": 0.5})
    );
}

#[tokio::test]
async fn a_projection_gives_parts_of_an_item() {
    let world = World::with_tables().await;
    world
        .put(
            "leases",
            json!({"k": s("a"), "m": {"M": {"x": n(1), "y": n(2)}}, "v": s("z")}),
        )
        .await;
    let get = |extra: Value| {
        let mut body = json!({"TableName": "leases", "Key": {"k": s("a")}});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    };
    let names = json!({"#m": "m"});
    let answer = world
        .ok(
            "GetItem",
            get(json!({"ProjectionExpression": "#m.x, q", "ExpressionAttributeNames": names})),
        )
        .await;
    assert_eq!(answer["Item"], json!({"m": {"M": {"x": n(1)}}}));
    let answer = world
        .ok("GetItem", get(json!({"AttributesToGet": ["v", "q"]})))
        .await;
    assert_eq!(answer["Item"], json!({"v": s("z")}));
    let both = get(json!({"AttributesToGet": ["v"], "ProjectionExpression": "v"}));
    let refused = world.refused("GetItem", both).await;
    assert!(
        refused.contains("Non-expression parameters: {AttributesToGet}"),
        "{refused}"
    );
    let refused = world
        .refused("GetItem", get(json!({"ProjectionExpression": "k.x"})))
        .await;
    assert!(refused.ends_with("are not allowed: Key: k"), "{refused}");
}

//! Expected, AttributeUpdates and ConditionalOperator, which KCL still speaks.

use serde_json::{Value, json};

use crate::world::{World, n, s};

fn update(extra: &Value) -> Value {
    let mut body = json!({"TableName": "leases", "Key": {"k": s("a")}});
    body.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    body
}

async fn world() -> World {
    let world = World::with_tables().await;
    world
        .put(
            "leases",
            json!({"k": s("a"), "n": n(5), "ss": {"SS": ["x", "y"]}, "l": {"L": [s("p")]}}),
        )
        .await;
    world
}

#[tokio::test]
async fn expectations_hold_or_not() {
    let world = world().await;
    let holds = |expected: Value, operator: Option<&'static str>| {
        let world = &world;
        async move {
            let mut body = update(&json!({"Expected": expected}));
            if let Some(operator) = operator {
                body["ConditionalOperator"] = json!(operator);
            }
            match world.call("UpdateItem", body).await {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.short_code(), "ConditionalCheckFailedException", "{error}");
                    false
                }
            }
        }
    };
    let op = |name: &str, values: Value| json!({"ComparisonOperator": name, "AttributeValueList": values});
    assert!(holds(json!({"n": {"Value": n("5.0")}}), None).await);
    assert!(holds(json!({"z": {"Exists": false}}), None).await);
    assert!(!holds(json!({"n": {"Exists": false}}), None).await);
    assert!(!holds(json!({"n": {"Value": n(5)}, "l": {"Value": n(1)}}), Some("AND")).await);
    assert!(holds(json!({"n": {"Value": n(5)}, "l": {"Value": n(1)}}), Some("OR")).await);
    assert!(holds(json!({"n": op("BETWEEN", json!([n(5), n(6)]))}), None).await);
    assert!(holds(json!({"n": op("IN", json!([n(1), n(5)]))}), None).await);
    assert!(holds(json!({"ss": op("CONTAINS", json!([s("x")]))}), None).await);
    assert!(!holds(json!({"ss": op("NOT_CONTAINS", json!([s("x")]))}), None).await);
    assert!(!holds(json!({"zz": op("NOT_CONTAINS", json!([s("x")]))}), None).await);
    assert!(holds(json!({"zz": op("NE", json!([s("x")]))}), None).await);
    assert!(
        holds(
            json!({"zz": {"ComparisonOperator": "NULL"}, "n": {"ComparisonOperator": "NOT_NULL"}}),
            None
        )
        .await
    );
}

#[tokio::test]
async fn expectations_that_make_no_sense_are_refused() {
    let world = world().await;
    for (expected, text) in [
        (
            json!({"n": {"Exists": true}}),
            "Value must be provided when Exists is true for Attribute: n",
        ),
        (
            json!({"n": {}}),
            "Value must be provided when Exists is null for Attribute: n",
        ),
        (
            json!({"n": {"Exists": false, "Value": n(1)}}),
            "Value cannot be used when Exists is false for Attribute: n",
        ),
        (
            json!({"n": {"ComparisonOperator": "EQ"}}),
            "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: n",
        ),
        (
            json!({"n": {"ComparisonOperator": "GT", "AttributeValueList": [{"SS": ["a"]}]}}),
            "ComparisonOperator GT is not valid for SS AttributeValue type",
        ),
        (
            json!({"n": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [n(2), n(1)]}}),
            "the lower bound is greater than the upper bound",
        ),
    ] {
        let refused = world
            .refused("UpdateItem", update(&json!({"Expected": expected})))
            .await;
        assert!(
            refused.starts_with("ValidationException: ") && refused.contains(text),
            "{refused}"
        );
    }
    let alone = update(&json!({"ConditionalOperator": "OR"}));
    let refused = world.refused("UpdateItem", alone).await;
    assert!(
        refused.ends_with("ConditionalOperator cannot be used without Filter or Expected"),
        "{refused}"
    );
    let mixed = update(&json!({"Expected": {"n": {"Value": n(5)}}, "UpdateExpression": "REMOVE n"}));
    let refused = world.refused("UpdateItem", mixed).await;
    assert!(
        refused.contains("Non-expression parameters: {Expected} Expression parameters: {UpdateExpression}")
    );
}

#[tokio::test]
async fn attribute_updates_put_add_and_delete() {
    let world = world().await;
    let updates = json!({
        "n": {"Action": "ADD", "Value": n(2)},
        "new": {"Value": s("v")},
        "ss": {"Action": "DELETE", "Value": {"SS": ["x"]}},
        "l": {"Action": "ADD", "Value": {"L": [s("q")]}},
        "gone": {"Action": "DELETE"},
    });
    let body = update(&json!({"AttributeUpdates": updates, "ReturnValues": "ALL_NEW"}));
    let after = world.ok("UpdateItem", body).await["Attributes"].clone();
    let expected =
        json!({"k": s("a"), "n": n(7), "new": s("v"), "ss": {"SS": ["y"]}, "l": {"L": [s("p"), s("q")]}});
    assert_eq!(after, expected);
    for (update_of, text) in [
        (
            json!({"z": {"Action": "ADD"}}),
            "Only DELETE action is allowed when no attribute value is specified",
        ),
        (
            json!({"z": {"Action": "ADD", "Value": s("x")}}),
            "ADD action is not supported for the type STRING",
        ),
        (
            json!({"z": {"Action": "DELETE", "Value": n(1)}}),
            "DELETE action with value is not supported for the type NUMBER",
        ),
        (
            json!({"new": {"Action": "ADD", "Value": n(1)}}),
            "Type mismatch for attribute to update",
        ),
        (
            json!({"k": {"Value": s("b")}}),
            "Cannot update attribute k. This attribute is part of the key",
        ),
    ] {
        let refused = world
            .refused("UpdateItem", update(&json!({"AttributeUpdates": update_of})))
            .await;
        assert!(refused.ends_with(text), "{refused}");
    }
    assert_eq!(world.lease("a").await, expected);
}

//! Query and Scan: ranges, pages, filters, indexes, segments.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::{World, n, s};

/// Ten orders of `a`, every second with `g`, every third with `l`, and some of `b`.
async fn world() -> World {
    let world = World::with_tables().await;
    for r in 0..10 {
        let mut item = json!({"k": s("a"), "r": n(r), "x": s(&"x".repeat(r)), "v": n(r * r)});
        if r % 2 == 0 {
            item["g"] = s("even");
        }
        if r % 3 == 0 {
            item["l"] = s(&format!("l{}", 9 - r));
        }
        world.put("orders", item).await;
    }
    for r in [-1.5, 0.0, 2.25] {
        world.put("orders", json!({"k": s("b"), "r": n(r)})).await;
    }
    world
}

fn query(condition: &str, extra: &Value) -> Value {
    let mut values = json!({});
    for (name, value) in [
        (":a", s("a")),
        (":lo", n(3)),
        (":hi", n(5)),
        (":even", s("even")),
        (":sl", s("l")),
    ] {
        let text = format!("{condition} {}", extra["FilterExpression"]);
        if text.contains(name) {
            values[name] = value;
        }
    }
    let mut body = json!({
        "TableName": "orders", "KeyConditionExpression": condition, "ExpressionAttributeValues": values,
    });
    body.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    body
}

fn numbers(answer: &Value) -> Vec<i64> {
    let items = answer["Items"].as_array().unwrap().iter();
    items
        .map(|item| item["r"]["N"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn ranges_are_exact_in_both_directions() {
    let world = world().await;
    for (condition, expected) in [
        ("k = :a", (0..10).collect::<Vec<i64>>()),
        (":a = k AND r = :lo", vec![3]),
        ("k = :a AND r < :lo", vec![0, 1, 2]),
        ("k = :a AND r <= :lo", vec![0, 1, 2, 3]),
        ("r > :hi AND k = :a", vec![6, 7, 8, 9]),
        ("k = :a AND :hi <= r", vec![5, 6, 7, 8, 9]),
        ("(k = :a) AND r BETWEEN :lo AND :hi", vec![3, 4, 5]),
    ] {
        let answer = world.ok("Query", query(condition, &json!({}))).await;
        assert_eq!(numbers(&answer), expected, "{condition}");
        let mut expected = expected;
        expected.reverse();
        let answer = world
            .ok("Query", query(condition, &json!({"ScanIndexForward": false})))
            .await;
        assert_eq!(numbers(&answer), expected, "{condition}, backwards");
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let world = world().await;
    for forward in [true, false] {
        for limit in [1, 3, 10, 11] {
            let (mut all, mut start, mut pages) = (Vec::new(), Value::Null, 0);
            loop {
                let mut body = query(
                    "k = :a AND r < :hi",
                    &json!({"Limit": limit, "ScanIndexForward": forward}),
                );
                if !start.is_null() {
                    body["ExclusiveStartKey"] = start;
                }
                let answer = world.ok("Query", body).await;
                all.extend(numbers(&answer));
                pages += 1;
                start = answer["LastEvaluatedKey"].clone();
                if start.is_null() {
                    break;
                }
                assert_eq!(start, json!({"k": s("a"), "r": n(all.last().unwrap())}));
            }
            if !forward {
                all.reverse();
            }
            assert_eq!(all, (0..5).collect::<Vec<i64>>());
            assert_eq!(pages, 5 / limit + 1);
        }
    }
}

#[tokio::test]
async fn a_start_key_must_be_of_the_range() {
    let world = world().await;
    for (start, text) in [
        (
            json!({"k": s("a")}),
            "The provided starting key is invalid: The provided key element does not match",
        ),
        (
            json!({"k": s("a"), "r": n(1), "z": s("x")}),
            "The provided starting key is invalid",
        ),
        (json!({"k": s("b"), "r": n(1)}), "outside query boundaries"),
        (
            json!({"k": s("a"), "r": n(9)}),
            "does not match the range key predicate",
        ),
    ] {
        let refused = world
            .refused(
                "Query",
                query("k = :a AND r < :hi", &json!({"ExclusiveStartKey": start})),
            )
            .await;
        assert!(refused.contains(text), "{refused}");
    }
}

#[tokio::test]
async fn filters_narrow_what_is_answered_not_what_is_read() {
    let world = world().await;
    let answer = world
        .ok(
            "Query",
            query("k = :a", &json!({"FilterExpression": "v > :hi", "Limit": 4})),
        )
        .await;
    assert_eq!(numbers(&answer), [3]);
    assert_eq!(
        (&answer["Count"], &answer["ScannedCount"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(answer["LastEvaluatedKey"]["r"], n(3));
    let answer = world
        .ok(
            "Query",
            query(
                "k = :a",
                &json!({"FilterExpression": "v > :hi", "Select": "COUNT"}),
            ),
        )
        .await;
    assert_eq!(answer, json!({"Count": 7, "ScannedCount": 10}));
    let refused = world
        .refused("Query", query("k = :a", &json!({"FilterExpression": "r > :hi"})))
        .await;
    assert!(refused.ends_with("Primary key attribute: r"), "{refused}");
    let legacy = json!({
        "TableName": "orders",
        "KeyConditions": {
            "k": {"ComparisonOperator": "EQ", "AttributeValueList": [s("a")]},
            "r": {"ComparisonOperator": "GE", "AttributeValueList": [n(5)]},
        },
        "QueryFilter": {"v": {"ComparisonOperator": "LT", "AttributeValueList": [n(50)]}},
        "AttributesToGet": ["r"],
    });
    let answer = world.ok("Query", legacy).await;
    assert_eq!(answer["Items"], json!([{"r": n(5)}, {"r": n(6)}, {"r": n(7)}]));
}

#[tokio::test]
async fn key_conditions_are_of_the_key() {
    let world = world().await;
    for (condition, text) in [
        ("k > :a", "Query key condition not supported"),
        ("r = :lo", "Query condition missed key schema element: k"),
        (
            "k = :a AND v = :lo",
            "Query condition missed key schema element: r",
        ),
        (
            "k = :a AND r <> :lo",
            "Invalid operator used in KeyConditionExpression: <>",
        ),
        (
            "k = :a OR r = :lo",
            "Invalid operator used in KeyConditionExpression: OR",
        ),
        ("k = :a AND k = :a", "must only contain one condition per key"),
        (
            "k = :a AND r = :a",
            "Condition parameter type does not match schema type",
        ),
        (
            "k = :a AND size(r) = :lo",
            "KeyConditionExpressions cannot contain nested operations",
        ),
        ("k.x = :a", "are not allowed: Key: k"),
        (
            "k = :a AND r = :lo AND v = :hi",
            "Conditions can be of length 1 or 2 only",
        ),
    ] {
        let refused = world.refused("Query", query(condition, &json!({}))).await;
        assert!(
            refused.starts_with("ValidationException: ") && refused.contains(text),
            "{condition}: {refused}"
        );
    }
    let none = world.refused("Query", json!({"TableName": "orders"})).await;
    assert!(none.contains("Either the KeyConditions or KeyConditionExpression parameter must be specified"));
}

#[tokio::test]
async fn a_global_index_is_sparse_and_has_what_it_projects() {
    let world = world().await;
    let index = |extra: Value| {
        let mut extra = extra;
        extra["IndexName"] = json!("by_g");
        query("g = :even", &extra)
    };
    let answer = world.ok("Query", index(json!({}))).await;
    assert_eq!(answer["Count"], 5);
    assert_eq!(
        answer["Items"][1]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>(),
        ["g", "k", "r", "x"]
    );
    let (mut seen, mut start) = (BTreeSet::new(), Value::Null);
    for _ in 0..6 {
        let mut body = index(json!({"Limit": 1}));
        if !start.is_null() {
            body["ExclusiveStartKey"] = start.clone();
        }
        let answer = world.ok("Query", body).await;
        seen.extend(numbers(&answer));
        start = answer["LastEvaluatedKey"].clone();
        assert!(
            start.is_null() || start.as_object().unwrap().len() == 3,
            "keys of the table and of the index"
        );
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
    for (extra, text) in [
        (
            json!({"ConsistentRead": true}),
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            json!({"Select": "ALL_ATTRIBUTES"}),
            "Select type ALL_ATTRIBUTES is not supported for global",
        ),
        (
            json!({"ProjectionExpression": "v"}),
            "Global secondary index by_g does not project [v]",
        ),
        (
            json!({"FilterExpression": "attribute_exists(v)"}),
            "Secondary index by_g does not project one or more filter attributes: [v]",
        ),
    ] {
        let refused = world.refused("Query", index(extra)).await;
        assert!(refused.contains(text), "{refused}");
    }
    let update =
        json!({"TableName": "orders", "Key": {"k": s("a"), "r": n(2)}, "UpdateExpression": "REMOVE g"});
    world.ok("UpdateItem", update).await;
    assert_eq!(
        world.ok("Query", index(json!({"Select": "COUNT"}))).await["Count"],
        4
    );
    let scan = json!({"TableName": "orders", "IndexName": "by_g", "Select": "COUNT"});
    assert_eq!(world.ok("Scan", scan).await["Count"], 4);
}

#[tokio::test]
async fn a_local_index_fetches_what_it_does_not_have() {
    let world = world().await;
    let index = |extra: Value| {
        let mut extra = extra;
        extra["IndexName"] = json!("by_l");
        query("k = :a AND begins_with(l, :sl)", &extra)
    };
    let answer = world.ok("Query", index(json!({"ConsistentRead": true}))).await;
    assert_eq!(numbers(&answer), [9, 6, 3, 0]);
    assert_eq!(answer["Items"][0], json!({"k": s("a"), "r": n(9), "l": s("l0")}));
    let answer = world
        .ok("Query", index(json!({"Select": "ALL_ATTRIBUTES", "Limit": 1})))
        .await;
    assert_eq!(answer["Items"][0]["v"], n(81));
    let answer = world
        .ok("Query", index(json!({"ProjectionExpression": "v", "Limit": 1})))
        .await;
    assert_eq!(answer["Items"], json!([{"v": n(81)}]));
}

#[tokio::test]
async fn segments_of_a_scan_are_disjoint_and_complete() {
    let world = World::with_tables().await;
    for i in 0..60 {
        world
            .put("leases", json!({"k": s(&format!("shardId-{i:012}"))}))
            .await;
    }
    for total in [1, 2, 7] {
        let mut seen = BTreeSet::new();
        for segment in 0..total {
            let mut start = Value::Null;
            loop {
                let mut body = json!({
                    "TableName": "leases", "TotalSegments": total, "Segment": segment, "Limit": 5,
                    "ConsistentRead": true,
                });
                if !start.is_null() {
                    body["ExclusiveStartKey"] = start;
                }
                let answer = world.ok("Scan", body).await;
                for item in answer["Items"].as_array().unwrap() {
                    assert!(seen.insert(item["k"]["S"].as_str().unwrap().to_owned()));
                }
                start = answer["LastEvaluatedKey"].clone();
                if start.is_null() {
                    break;
                }
            }
        }
        assert_eq!(seen.len(), 60);
    }
    for (body, text) in [
        (json!({"TotalSegments": 2}), "The Segment parameter is required"),
        (json!({"Segment": 0}), "The TotalSegments parameter is required"),
        (
            json!({"Segment": 2, "TotalSegments": 2}),
            "Segment: 2 is not less than TotalSegments: 2",
        ),
        (
            json!({"ExclusiveStartKey": {"z": s("a")}}),
            "The provided starting key is invalid",
        ),
    ] {
        let mut body = body;
        body["TableName"] = json!("leases");
        let refused = world.refused("Scan", body).await;
        assert!(refused.contains(text), "{refused}");
    }
}

#[tokio::test]
async fn a_start_key_belongs_to_its_segment() {
    let world = World::with_tables().await;
    let mut wrong = 0;
    for segment in 0..2 {
        let body = json!({
            "TableName": "leases", "TotalSegments": 2, "Segment": segment, "ExclusiveStartKey": {"k": s("any")},
        });
        match world.call("Scan", body).await {
            Ok(answer) => assert_eq!(answer["Count"], 0),
            Err(error) => {
                assert!(
                    error
                        .message
                        .contains("Please use ExclusiveStartKey with correct Segment"),
                    "{error}"
                );
                wrong += 1;
            }
        }
    }
    assert_eq!(wrong, 1);
}

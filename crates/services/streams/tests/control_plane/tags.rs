//! Both families of tag operations work on the same tags.

use millrace_streams::Profile;
use serde_json::{Map, json};

use crate::world;

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

#[tokio::test]
async fn tags_of_both_families_are_the_same() {
    let world = world::open(Profile::Open).await;
    world
        .ok(
            "CreateStream",
            json!({"StreamName": "s", "ShardCount": 1, "Tags": {"a": "1"}}),
        )
        .await;
    world.reaches("s", "ACTIVE").await;
    world
        .ok(
            "AddTagsToStream",
            json!({"StreamName": "s", "Tags": {"b": "2", "c": ""}}),
        )
        .await;
    world
        .ok(
            "TagResource",
            json!({"ResourceARN": ARN, "Tags": {"b": "3", "d": "4"}}),
        )
        .await;
    world
        .ok(
            "RemoveTagsFromStream",
            json!({"StreamName": "s", "TagKeys": ["c", "x"]}),
        )
        .await;
    world
        .ok("UntagResource", json!({"ResourceARN": ARN, "TagKeys": ["a"]}))
        .await;
    let expected = json!([{"Key": "b", "Value": "3"}, {"Key": "d", "Value": "4"}]);
    let answer = world.ok("ListTagsForStream", json!({"StreamName": "s"})).await;
    assert_eq!(
        (&answer["Tags"], &answer["HasMoreTags"]),
        (&expected, &json!(false))
    );
    assert_eq!(
        world.ok("ListTagsForResource", json!({"ResourceARN": ARN})).await["Tags"],
        expected
    );
    let page = world
        .ok("ListTagsForStream", json!({"StreamName": "s", "Limit": 1}))
        .await;
    assert_eq!(
        (&page["Tags"][0]["Key"], &page["HasMoreTags"]),
        (&json!("b"), &json!(true))
    );
    let rest = world
        .ok(
            "ListTagsForStream",
            json!({"StreamName": "s", "ExclusiveStartTagKey": "b"}),
        )
        .await;
    assert_eq!(
        (&rest["Tags"][0]["Key"], &rest["HasMoreTags"]),
        (&json!("d"), &json!(false))
    );
}

#[tokio::test]
async fn tags_are_bounded() {
    let world = world::open(Profile::Open).await;
    world.active("s", 1).await;
    let tags: Map<_, _> = (0..50).map(|i| (format!("k{i}"), json!("v"))).collect();
    for (i, part) in tags.iter().collect::<Vec<_>>().chunks(10).enumerate() {
        let part: Map<_, _> = part.iter().map(|(k, v)| ((*k).clone(), (*v).clone())).collect();
        let op = if i % 2 == 0 {
            "AddTagsToStream"
        } else {
            "TagResource"
        };
        world
            .ok(op, json!({"StreamName": "s", "ResourceARN": ARN, "Tags": part}))
            .await;
    }
    assert_eq!(
        world
            .refused(
                "AddTagsToStream",
                json!({"StreamName": "s", "Tags": {"one": "more"}})
            )
            .await,
        "InvalidArgumentException: Failed to add tags to stream s under account 000000000000 because a given stream \
         cannot have more than 50 tags associated with it."
    );
    world
        .ok(
            "AddTagsToStream",
            json!({"StreamName": "s", "Tags": {"k1": "replaced"}}),
        )
        .await;
    let refused = world
        .refused("TagResource", json!({"ResourceARN": ARN, "Tags": {"a*": "b"}}))
        .await;
    assert!(
        refused.starts_with("InvalidArgumentException: Some tags contain invalid characters."),
        "{refused}"
    );
    for op in ["ListTagsForResource", "UntagResource"] {
        let body = json!({"ResourceARN": format!("{ARN}x"), "TagKeys": ["a"]});
        assert!(
            world
                .refused(op, body)
                .await
                .starts_with("ResourceNotFoundException")
        );
    }
}

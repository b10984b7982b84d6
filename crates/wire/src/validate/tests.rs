//! Messages as AWS writes them; those of streams, records and tags were recorded against AWS by kinesalite's author.

use millrace_api::{Kind, Member, Shape};

use super::*;
use crate::json;
use crate::limits::ECHO_COLLECTION_BYTES_MAX;
use crate::testing::{list, member, required, string, structure};

const fn text(name: &'static str, min: u64, max: u64, pattern: Option<&'static str>) -> Shape {
    Shape {
        name,
        kind: Kind::String {
            min: Some(min),
            max: Some(max),
            pattern,
            values: &[],
        },
    }
}

static NAME: Shape = text("StreamName", 1, 128, Some("[a-zA-Z0-9_.-]+"));
static KEY: Shape = text("PartitionKey", 1, 256, None);
static HASH_KEY: Shape = Shape {
    name: "HashKey",
    kind: Kind::String {
        min: None,
        max: None,
        pattern: Some("0|([1-9]\\d{0,38})"),
        values: &[],
    },
};
static DATA: Shape = Shape {
    name: "Data",
    kind: Kind::Blob {
        min: Some(0),
        max: Some(5),
        streaming: false,
    },
};
static ENTRY: Shape = structure(
    "PutRecordsRequestEntry",
    &[
        required("Data", &DATA),
        member("ExplicitHashKey", &HASH_KEY),
        required("PartitionKey", &KEY),
    ],
);
static ENTRIES: Shape = Shape {
    name: "Entries",
    kind: Kind::List {
        element: &ENTRY,
        element_name: "",
        min: Some(1),
        max: Some(3),
    },
};
static PUT: Shape = structure(
    "PutRecordsInput",
    &[required("Records", &ENTRIES), required("StreamName", &NAME)],
);

static TAG_KEY: Shape = text("TagKey", 1, 128, None);
static TAG_VALUE: Shape = text("TagValue", 0, 4, None);
static TAGS: Shape = Shape {
    name: "Tags",
    kind: Kind::Map {
        key: &TAG_KEY,
        value: &TAG_VALUE,
        min: Some(1),
        max: Some(2),
    },
};
static TAG_KEYS: Shape = Shape {
    name: "TagKeys",
    kind: Kind::List {
        element: &TAG_KEY,
        element_name: "",
        min: Some(1),
        max: Some(10),
    },
};
static LIMIT: Shape = Shape {
    name: "Limit",
    kind: Kind::Integer {
        min: Some(1),
        max: Some(10_000),
    },
};
static RATIO: Shape = Shape {
    name: "Ratio",
    kind: Kind::Double {
        min: Some(0.5),
        max: None,
    },
};
static TYPE: Shape = Shape {
    name: "ShardIteratorType",
    kind: Kind::String {
        min: None,
        max: None,
        pattern: None,
        values: &["LATEST", "TRIM_HORIZON"],
    },
};
static TYPES: Shape = list("Types", &TYPE);
static BY_NAME: Shape = Shape {
    name: "ByName",
    kind: Kind::Map {
        key: &TAG_KEY,
        value: &ENTRY,
        min: None,
        max: None,
    },
};
static PLAIN: Shape = string("Plain");
static SECRET: Member = Member {
    sensitive: true,
    ..member("Secret", &TAG_VALUE)
};
static MIXED: Shape = structure(
    "Mixed",
    &[
        member("Tags", &TAGS),
        member("TagKeys", &TAG_KEYS),
        member("Limit", &LIMIT),
        member("Ratio", &RATIO),
        member("Type", &TYPE),
        member("Types", &TYPES),
        member("ByName", &BY_NAME),
        Member {
            name: "Secret",
            wire: "Secret",
            shape: &TAG_VALUE,
            required: false,
            location: SECRET.location,
            payload: false,
            sensitive: true,
        },
        member("Plain", &PLAIN),
    ],
);

fn message(shape: &'static Shape, json: &str) -> String {
    let value = json::decode(shape, json.as_bytes()).unwrap();
    match validate(shape, &value) {
        Ok(()) => String::new(),
        Err(error) => {
            assert_eq!((error.code.as_ref(), error.status), ("ValidationException", 400));
            error.message
        }
    }
}

#[test]
fn missing_members() {
    assert_eq!(
        message(&PUT, "{}"),
        "2 validation errors detected: Value null at 'records' failed to satisfy constraint: Member must not be null; \
         Value null at 'streamName' failed to satisfy constraint: Member must not be null"
    );
}

#[test]
fn an_empty_name_and_an_empty_list() {
    assert_eq!(
        message(&PUT, r#"{"StreamName":"","Records":[]}"#),
        "3 validation errors detected: Value '[]' at 'records' failed to satisfy constraint: \
         Member must have length greater than or equal to 1; \
         Value '' at 'streamName' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; \
         Value '' at 'streamName' failed to satisfy constraint: Member must have length greater than or equal to 1"
    );
}

#[test]
fn a_long_name() {
    let name = "a".repeat(129);
    let json = format!(r#"{{"StreamName":"{name}","Records":[{{"PartitionKey":"a","Data":""}}]}}"#);
    assert_eq!(
        message(&PUT, &json),
        format!(
            "1 validation error detected: Value '{name}' at 'streamName' failed to satisfy constraint: \
             Member must have length less than or equal to 128"
        )
    );
}

#[test]
fn members_of_elements_are_found_by_path() {
    let json = r#"{"StreamName":"a","Records":[{"PartitionKey":"k","Data":"YWJjZGVm"},{"Data":"","PartitionKey":"","ExplicitHashKey":"01"}]}"#;
    assert_eq!(
        message(&PUT, json),
        "3 validation errors detected: \
         Value 'java.nio.HeapByteBuffer[pos=0 lim=6 cap=6]' at 'records.1.member.data' failed to satisfy constraint: \
         Member must have length less than or equal to 5; \
         Value '01' at 'records.2.member.explicitHashKey' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38}); \
         Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
}

#[test]
fn ten_errors_are_listed() {
    let entry = r#"{"Data":""}"#;
    let records = vec![entry; 20].join(",");
    let text = message(&PUT, &format!(r#"{{"StreamName":"a","Records":[{records}]}}"#));
    assert!(
        text.starts_with("10 validation errors detected: Value '["),
        "{text}"
    );
    assert_eq!(text.matches("failed to satisfy").count(), 10);
    assert!(text.contains("PutRecordsRequestEntry@"), "{text}");
}

#[test]
fn characters_are_counted_not_bytes_or_utf_16_units() {
    for c in ["é", "😀"] {
        let json = |n: usize| {
            format!(
                r#"{{"StreamName":"a","Records":[{{"Data":"","PartitionKey":"{}"}}]}}"#,
                c.repeat(n)
            )
        };
        assert_eq!(message(&PUT, &json(256)), "");
        assert!(message(&PUT, &json(257)).contains("less than or equal to 256"));
    }
}

#[test]
fn collections_of_plain_values_are_refused_as_a_whole() {
    let long = "a".repeat(129);
    let bounds = |max: u32, min: u32| {
        format!(
            "[Member must have length less than or equal to {max}, Member must have length greater than or equal to {min}]"
        )
    };
    assert_eq!(
        message(&MIXED, &format!(r#"{{"TagKeys":["a","{long}","b"]}}"#)),
        format!(
            "1 validation error detected: Value '[a, {long}, b]' at 'tagKeys' failed to satisfy constraint: \
             Member must satisfy constraint: {}",
            bounds(128, 1)
        )
    );
    assert_eq!(
        message(&MIXED, r#"{"Tags":{"":"12345","b":"c"}}"#),
        format!(
            "2 validation errors detected: Value '{{=12345, b=c}}' at 'tags' failed to satisfy constraint: \
             Map keys must satisfy constraint: {}; Value '{{=12345, b=c}}' at 'tags' failed to satisfy constraint: \
             Map value must satisfy constraint: {}",
            bounds(128, 1),
            bounds(4, 0)
        )
    );
    assert_eq!(
        message(&MIXED, r#"{"Tags":{"a":"","b":"","c":""}}"#),
        "1 validation error detected: Value '{a=, b=, c=}' at 'tags' failed to satisfy constraint: \
         Member must have length less than or equal to 2"
    );
    assert_eq!(
        message(&MIXED, r#"{"Types":["LATEST","x"]}"#),
        "1 validation error detected: Value '[LATEST, x]' at 'types' failed to satisfy constraint: \
         Member must satisfy constraint: [Member must satisfy enum value set: [LATEST, TRIM_HORIZON]]"
    );
    assert_eq!(
        message(&MIXED, r#"{"ByName":{"k":{"Data":""}}}"#),
        "1 validation error detected: Value null at 'byName.k.member.partitionKey' failed to satisfy constraint: \
         Member must not be null"
    );
}

#[test]
fn numbers_and_enumerations() {
    let one = |value: &str, path: &str, constraint: &str| {
        format!(
            "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
        )
    };
    let least = "Member must have value greater than or equal to";
    assert_eq!(
        message(&MIXED, r#"{"Limit":0}"#),
        one("0", "limit", &format!("{least} 1"))
    );
    let most = "Member must have value less than or equal to 10000";
    assert_eq!(message(&MIXED, r#"{"Limit":10001}"#), one("10001", "limit", most));
    assert_eq!(
        message(&MIXED, r#"{"Ratio":0.25}"#),
        one("0.25", "ratio", &format!("{least} 0.5"))
    );
    assert!(message(&MIXED, r#"{"Ratio":"NaN"}"#).contains("'NaN'"));
    assert_eq!(
        message(&MIXED, r#"{"Type":"HellNo"}"#),
        one(
            "HellNo",
            "type",
            "Member must satisfy enum value set: [LATEST, TRIM_HORIZON]"
        )
    );
    assert_eq!(
        message(
            &MIXED,
            r#"{"Limit":1,"Ratio":0.5,"Type":"LATEST","Types":[],"Plain":"x"}"#
        ),
        ""
    );
}

#[test]
fn a_sensitive_value_is_not_shown() {
    assert_eq!(
        message(&MIXED, r#"{"Secret":"hunter2"}"#),
        "1 validation error detected: Value at 'secret' failed to satisfy constraint: \
         Member must have length less than or equal to 4"
    );
}

#[test]
fn messages_are_bounded() {
    let many = vec![r#"{"Data":"","PartitionKey":"k"}"#; 10_000].join(",");
    let text = message(&PUT, &format!(r#"{{"StreamName":"a","Records":[{many}]}}"#));
    assert!(text.len() < ECHO_COLLECTION_BYTES_MAX + 1024, "{}", text.len());
    assert!(text.contains(", ...]"), "{text}");
    let long = "b ".repeat(100_000);
    let text = message(
        &PUT,
        &format!(r#"{{"StreamName":"{long}","Records":[{{"Data":"","PartitionKey":"k"}}]}}"#),
    );
    assert!(
        text.starts_with("1 validation error detected: Value 'b b b"),
        "only the length of a far too long text"
    );
    assert!(text.len() < 8 * 1024);
}

//! Spot checks of the generated tables against the published model.

use bytes::Bytes;

use crate::kinesis::{self, op};
use crate::value::EpochMillis;
use crate::{Kind, Location, Protocol, Service, Shape, Shaped, Typed, Value};

fn services() -> Vec<&'static Service> {
    vec![
        &crate::cloudwatch::SERVICE,
        &crate::dynamodb::SERVICE,
        &crate::firehose::SERVICE,
        &crate::glue::SERVICE,
        &kinesis::SERVICE,
        &crate::kinesis_video_archived_media::SERVICE,
        &crate::kinesis_video_media::SERVICE,
        &crate::kinesis_video_signaling::SERVICE,
        &crate::kinesis_video_webrtc_storage::SERVICE,
        &crate::kinesisanalytics::SERVICE,
        &crate::kinesisanalyticsv2::SERVICE,
        &crate::kinesisvideo::SERVICE,
        &crate::lambda::SERVICE,
        &crate::sts::SERVICE,
    ]
}

fn member<'a>(shape: &'a Shape, name: &str) -> &'a crate::Member {
    let Kind::Structure { members, .. } = &shape.kind else {
        panic!("{} is no structure", shape.name)
    };
    members.iter().find(|m| m.name == name).unwrap()
}

#[test]
fn every_operation_is_found_by_its_name() {
    for service in services() {
        assert!(!service.operations.is_empty());
        for operation in service.operations {
            let found = service.operation(operation.name).unwrap();
            assert!(
                std::ptr::eq(found, operation),
                "{} {}",
                service.id,
                operation.name
            );
        }
        assert!(service.operation("Nothing").is_none());
    }
}

#[test]
fn the_services_are_whole() {
    let counts: Vec<usize> = [
        &kinesis::SERVICE,
        &crate::firehose::SERVICE,
        &crate::kinesisanalytics::SERVICE,
        &crate::kinesisanalyticsv2::SERVICE,
        &crate::kinesisvideo::SERVICE,
    ]
    .iter()
    .map(|s| s.operations.len())
    .collect();
    assert_eq!(counts, [57, 12, 20, 41, 32]);
    assert_eq!(kinesis::SERVICE.target_prefix, "Kinesis_20131202");
    assert_eq!(kinesis::SERVICE.signing_name, "kinesis");
    assert_eq!(crate::kinesisvideo::SERVICE.protocol, Protocol::RestJson);
    assert_eq!(
        crate::kinesisanalyticsv2::SERVICE.signing_name,
        "kinesisanalytics"
    );
}

#[test]
fn constraints_are_the_models() {
    let input = op::CREATE_STREAM.input.unwrap();
    let name = member(input, "StreamName");
    assert!(name.required);
    let Kind::String {
        min, max, pattern, ..
    } = &name.shape.kind
    else {
        panic!("a text")
    };
    assert_eq!(
        (*min, *max, *pattern),
        (Some(1), Some(128), Some("[a-zA-Z0-9_.-]+"))
    );
    let Kind::Integer { min, .. } = member(input, "ShardCount").shape.kind else {
        panic!("a number")
    };
    assert_eq!(min, Some(1));
    let records = member(op::PUT_RECORDS.input.unwrap(), "Records");
    let Kind::List { min, max, .. } = records.shape.kind else {
        panic!("a list")
    };
    assert_eq!((min, max), (Some(1), Some(500)));
    assert!(op::ADD_TAGS_TO_STREAM.output.is_none());
    assert_eq!(kinesis::error::INTERNAL_FAILURE_EXCEPTION.status, 500);
    assert_eq!(kinesis::error::RESOURCE_NOT_FOUND_EXCEPTION.status, 400);
}

#[test]
fn bindings_are_the_models() {
    let put = crate::kinesis_video_media::op::GET_MEDIA;
    assert_eq!((put.method, put.uri), ("POST", "/getMedia"));
    assert_eq!(
        member(put.output.unwrap(), "ContentType").location,
        Location::Header
    );
    assert!(member(put.output.unwrap(), "Payload").payload);
    let Kind::Structure { event_stream, .. } = kinesis::shapes::SUBSCRIBE_TO_SHARD_EVENT_STREAM.kind else {
        panic!("a structure")
    };
    assert!(event_stream);
}

fn round_trip<T: Shaped + Clone + PartialEq + std::fmt::Debug>(typed: &T) {
    let value = typed.clone().into_value();
    let Kind::Structure { members, .. } = &T::SHAPE.kind else {
        panic!("a structure")
    };
    let Value::Struct(fields) = &value else {
        panic!("a structure")
    };
    assert_eq!(fields.0.len(), members.len());
    assert_eq!(&T::from_value(value).unwrap(), typed);
}

#[test]
fn typed_values_come_back() {
    round_trip(&kinesis::Record {
        sequence_number: "1".to_owned(),
        approximate_arrival_timestamp: Some(EpochMillis(1)),
        data: Bytes::from_static(b"x"),
        partition_key: Some("k".to_owned()),
        encryption_type: Some(kinesis::EncryptionType::None),
    });
    round_trip(&kinesis::CreateStreamInput {
        stream_name: "s".to_owned(),
        shard_count: Some(3),
        ..Default::default()
    });
    assert!(kinesis::CreateStreamInput::from_value(Value::Boolean(true)).is_err());
    assert!(kinesis::EncryptionType::from_value(Value::String("ROT13".to_owned())).is_err());
}

#[test]
fn recursive_and_nested_values_come_back() {
    round_trip(&kinesis::SubscribeToShardEvent {
        records: Vec::new(),
        continuation_sequence_number: "2".to_owned(),
        millis_behind_latest: i64::MAX,
        child_shards: Some(vec![kinesis::ChildShard {
            shard_id: "shardId-000000000001".to_owned(),
            parent_shards: vec!["shardId-000000000000".to_owned()],
            hash_key_range: kinesis::HashKeyRange {
                starting_hash_key: "0".to_owned(),
                ending_hash_key: "9".to_owned(),
            },
        }]),
    });
    round_trip(&kinesis::ListTagsForResourceOutput::default());
    round_trip(&kinesis::DescribeLimitsInput {});
    // A required member that is absent is a mismatch, never a default.
    let absent = Value::Struct(crate::Fields::absent(7));
    assert!(kinesis::CreateStreamInput::from_value(absent).is_err());
}

#[test]
fn a_secret_is_not_shown() {
    let credentials = crate::sts::Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI".to_owned(),
        session_token: "token".to_owned(),
        expiration: EpochMillis(0),
    };
    let shown = format!("{credentials:?}");
    assert!(shown.contains("ASIAEXAMPLE") && shown.contains("***"), "{shown}");
    assert!(!shown.contains("wJalrXUtnFEMI"), "{shown}");
    round_trip(&credentials);
}

/// Every shape that the operations reach, once.
fn reachable() -> Vec<&'static Shape> {
    let mut seen: Vec<&'static Shape> = Vec::new();
    let mut known = std::collections::HashSet::new();
    let mut open: Vec<&'static Shape> = Vec::new();
    for operation in services().into_iter().flat_map(|service| service.operations) {
        open.extend(operation.input.iter().chain(&operation.output).copied());
        open.extend(operation.errors.iter().map(|error| error.shape));
    }
    while let Some(shape) = open.pop() {
        if !known.insert(std::ptr::from_ref(shape)) {
            continue;
        }
        seen.push(shape);
        match &shape.kind {
            Kind::Structure { members, .. } => open.extend(members.iter().map(|m| m.shape)),
            Kind::List { element, .. } => open.push(element),
            Kind::Map { key, value, .. } => open.extend([*key, *value]),
            _ => {}
        }
    }
    seen
}

#[test]
fn the_tables_are_sound() {
    let shapes = reachable();
    assert!(shapes.len() > 2000, "{} shapes", shapes.len());
    for shape in shapes {
        match &shape.kind {
            Kind::Structure { members, .. } => {
                let mut names: Vec<_> = members.iter().map(|m| m.name).collect();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), members.len(), "{}", shape.name);
                let payloads = members.iter().filter(|m| m.payload).count();
                assert!(payloads <= 1, "{} has {payloads} payloads", shape.name);
            }
            Kind::List { min, max, .. }
            | Kind::Map { min, max, .. }
            | Kind::String { min, max, .. }
            | Kind::Blob { min, max, .. } => {
                assert!(min.unwrap_or(0) <= max.unwrap_or(u64::MAX), "{}", shape.name);
            }
            Kind::Integer { min, max } | Kind::Long { min, max } => {
                assert!(
                    min.unwrap_or(i64::MIN) <= max.unwrap_or(i64::MAX),
                    "{}",
                    shape.name
                );
            }
            Kind::Double { .. } | Kind::Boolean | Kind::Timestamp(_) => {}
        }
    }
    for operation in services().into_iter().flat_map(|service| service.operations) {
        for error in operation.errors {
            assert!((400..600).contains(&error.status), "{}", error.code);
        }
    }
}

#[test]
fn every_label_of_a_path_is_a_member() {
    for service in services()
        .into_iter()
        .filter(|s| s.protocol == Protocol::RestJson)
    {
        for operation in service.operations {
            let labels = operation
                .uri
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split(['}', '+']).next());
            for label in labels {
                let Kind::Structure { members, .. } = &operation.input.unwrap().kind else {
                    panic!("a structure")
                };
                let found = members
                    .iter()
                    .any(|m| m.wire == label && m.location == Location::Uri && m.required);
                assert!(found, "{}: {label}", operation.name);
            }
        }
    }
}

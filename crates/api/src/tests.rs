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

fn round_trip<T: Shaped + Clone + PartialEq + std::fmt::Debug>(typed: T) {
    let value = typed.clone().into_value();
    let Kind::Structure { members, .. } = &T::SHAPE.kind else {
        panic!("a structure")
    };
    let Value::Struct(fields) = &value else {
        panic!("a structure")
    };
    assert_eq!(fields.0.len(), members.len());
    assert_eq!(T::from_value(value).unwrap(), typed);
}

#[test]
fn typed_values_come_back() {
    round_trip(kinesis::Record {
        sequence_number: "1".to_owned(),
        approximate_arrival_timestamp: Some(EpochMillis(1)),
        data: Bytes::from_static(b"x"),
        partition_key: Some("k".to_owned()),
        encryption_type: Some(kinesis::EncryptionType::None),
    });
    round_trip(kinesis::CreateStreamInput {
        stream_name: "s".to_owned(),
        shard_count: Some(3),
        ..Default::default()
    });
    assert!(kinesis::CreateStreamInput::from_value(Value::Boolean(true)).is_err());
    assert!(kinesis::EncryptionType::from_value(Value::String("ROT13".to_owned())).is_err());
}

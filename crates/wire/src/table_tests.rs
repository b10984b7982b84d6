//! Every table of `millrace-api` through every format: what holds for the hand-made shapes holds for the real ones.

use bytes::Bytes;
use millrace_api::kinesis::{PutRecordInput, PutRecordsInput};
use millrace_api::{Fields, Kind, Location, Operation, Protocol, Service, Shape, TimestampFormat, Value};
use millrace_base::{Rng, SeededRng};

use crate::limits::PATTERN_STEPS_MAX;
use crate::pattern::Pattern;
use crate::{Codec, json, rest_json, validate};

fn services() -> Vec<&'static Service> {
    use millrace_api::*;
    vec![
        &cloudwatch::SERVICE,
        &dynamodb::SERVICE,
        &firehose::SERVICE,
        &glue::SERVICE,
        &kinesis::SERVICE,
        &kinesis_video_archived_media::SERVICE,
        &kinesis_video_media::SERVICE,
        &kinesis_video_signaling::SERVICE,
        &kinesis_video_webrtc_storage::SERVICE,
        &kinesisanalytics::SERVICE,
        &kinesisanalyticsv2::SERVICE,
        &kinesisvideo::SERVICE,
        &lambda::SERVICE,
        &sts::SERVICE,
    ]
}

fn operations() -> impl Iterator<Item = (&'static Service, &'static Operation)> {
    services()
        .into_iter()
        .flat_map(|s| s.operations.iter().map(move |op| (s, op)))
}

/// Calls `visit` with every shape that is reachable from an operation.
fn each_shape(mut visit: impl FnMut(&'static Shape)) {
    let mut seen = std::collections::HashSet::new();
    let mut open: Vec<&'static Shape> = operations()
        .flat_map(|(_, op)| [op.input, op.output])
        .flatten()
        .collect();
    open.extend(operations().flat_map(|(_, op)| op.errors.iter().map(|e| e.shape)));
    while let Some(shape) = open.pop() {
        if !seen.insert(std::ptr::from_ref(shape)) {
            continue;
        }
        visit(shape);
        match &shape.kind {
            Kind::Structure { members, .. } => open.extend(members.iter().map(|m| m.shape)),
            Kind::List { element, .. } => open.push(element),
            Kind::Map { key, value, .. } => open.extend([*key, *value]),
            _ => {}
        }
    }
}

#[test]
fn every_pattern_is_understood() {
    let mut count = 0;
    each_shape(|shape| {
        if let Kind::String {
            pattern: Some(pattern),
            ..
        } = shape.kind
        {
            Pattern::parse(pattern).unwrap_or_else(|e| panic!("{}: {pattern}: {e}", shape.name));
            count += 1;
        }
    });
    assert!(count > 100, "{count} patterns");
}

/// Long texts that begin to match and then do not, against every pattern that would look at them.
#[test]
fn no_pattern_of_a_table_takes_long() {
    let hostile = [
        "a",
        "1",
        "-",
        ".",
        " ",
        "/",
        "a.",
        "a/",
        "é",
        "aws:",
        "redshift.",
        "arn:aws:",
    ];
    each_shape(|shape| {
        let Kind::String {
            pattern: Some(source),
            max,
            ..
        } = shape.kind
        else {
            return;
        };
        let pattern = Pattern::parse(source).unwrap();
        let chars = usize::try_from(max.unwrap_or(8192).clamp(1, 8192)).unwrap();
        for unit in hostile {
            let text: String = unit.chars().cycle().take(chars - 1).chain(['\u{7}']).collect();
            let steps = pattern.steps(&text);
            assert!(
                steps < PATTERN_STEPS_MAX / 8,
                "{source} takes {steps} steps over {chars} times {unit:?}"
            );
        }
    });
}

/// A value of a shape, drawn at random; members that are not in the body and streams are left out.
fn sample(shape: &'static Shape, depth: u32, rng: &SeededRng) -> Value {
    let small = |max: u64| rng.next_u64() % max;
    match &shape.kind {
        Kind::Structure { members, union, .. } => {
            let eligible = |i: usize| {
                let m = &members[i];
                let stream = matches!(
                    m.shape.kind,
                    Kind::Structure {
                        event_stream: true,
                        ..
                    }
                );
                let deep = matches!(
                    m.shape.kind,
                    Kind::Structure { .. } | Kind::List { .. } | Kind::Map { .. }
                );
                m.location == Location::Body && !stream && !(deep && depth == 0)
            };
            let mut chosen: Vec<usize> = (0..members.len()).filter(|i| eligible(*i)).collect();
            if *union {
                let only = usize::try_from(small(chosen.len() as u64)).unwrap();
                chosen = vec![chosen[only]];
            } else {
                chosen.retain(|_| small(3) > 0);
            }
            let mut fields = Fields::absent(members.len());
            for i in chosen {
                fields.0[i] = Some(sample(members[i].shape, depth.saturating_sub(1), rng));
            }
            Value::Struct(fields)
        }
        Kind::List { element, .. } => Value::List(
            (0..small(3))
                .map(|_| sample(element, depth.saturating_sub(1), rng))
                .collect(),
        ),
        Kind::Map { value, .. } => {
            let entry = |i| (format!("key {i}"), sample(value, depth.saturating_sub(1), rng));
            Value::Map((0..small(3)).map(entry).collect())
        }
        Kind::String { values: [], .. } => Value::String(format!("t\"é😀\n{}", small(9))),
        Kind::String { values, .. } => {
            Value::String(values[usize::try_from(small(values.len() as u64)).unwrap()].to_owned())
        }
        Kind::Blob { .. } => Value::Blob(Bytes::from(vec![7; usize::try_from(small(9)).unwrap()])),
        Kind::Integer { .. } => Value::Integer(i64::try_from(small(1 << 31)).unwrap()),
        Kind::Long { .. } => Value::Integer(rng.next_u64().cast_signed()),
        Kind::Double { .. } => Value::Double(0.1 * small(1000) as f64),
        Kind::Boolean => Value::Boolean(small(2) == 1),
        Kind::Timestamp(TimestampFormat::EpochSeconds) => Value::Timestamp(rng.next_u64().cast_signed()),
        Kind::Timestamp(_) => Value::Timestamp(i64::try_from(small(4_000_000_000)).unwrap() * 1000),
    }
}

#[test]
fn every_message_comes_back_from_json_and_cbor() {
    let rng = SeededRng::new(7);
    for (service, operation) in operations() {
        for shape in [operation.input, operation.output].into_iter().flatten() {
            for round in 0..12 {
                let value = sample(shape, 4, &rng);
                for codec in [Codec::Json11, Codec::Cbor11] {
                    let body = Bytes::from(codec.encode(shape, &value));
                    let back = codec.decode(shape, &body);
                    assert_eq!(
                        back.as_ref(),
                        Ok(&value),
                        "{} {} {round}",
                        service.id,
                        operation.name
                    );
                }
                let text = json::encode(shape, &value);
                assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
                let _ = validate(shape, &value);
            }
        }
    }
}

#[test]
fn every_rest_operation_is_found_by_its_own_path() {
    let mut count = 0;
    for (service, operation) in operations().filter(|(s, _)| s.protocol == Protocol::RestJson) {
        let path: Vec<&str> = operation
            .uri
            .split('/')
            .map(|s| if s.starts_with('{') { "label" } else { s })
            .collect();
        let (found, labels) = rest_json::route(service, operation.method, &path.join("/")).unwrap();
        assert_eq!(found.name, operation.name, "{}", service.id);
        let Some(Kind::Structure { members, .. }) = operation.input.map(|i| &i.kind) else {
            continue;
        };
        for member in members.iter().filter(|m| m.location == Location::Uri) {
            assert!(
                labels.iter().any(|(name, _)| *name == member.wire),
                "{} {}",
                operation.name,
                member.name
            );
        }
        count += 1;
    }
    assert!(count > 40, "{count} operations");
}

#[test]
fn every_answer_of_a_rest_operation_is_rendered() {
    let rng = SeededRng::new(11);
    for (_, operation) in operations().filter(|(s, _)| s.protocol == Protocol::RestJson) {
        let Some(shape) = operation.output else { continue };
        let response = rest_json::respond(operation, &sample(shape, 3, &rng));
        assert!((200..300).contains(&response.status), "{}", operation.name);
        let json = response
            .headers
            .iter()
            .any(|(name, value)| name == "content-type" && value == "application/json");
        assert!(!json || serde_json::from_slice::<serde_json::Value>(&response.body).is_ok());
    }
}

#[test]
fn a_put_record_there_and_back() {
    let body = Bytes::from_static(br#"{"StreamName":"s","Data":"aGk=","PartitionKey":"k"}"#);
    for codec in [Codec::Json10, Codec::Json11, Codec::Cbor11] {
        let typed: PutRecordInput = Codec::Json11.typed(&body).unwrap();
        assert_eq!(typed.data.as_ref(), b"hi");
        let encoded = Bytes::from(codec.encode_typed(typed.clone()));
        assert_eq!(codec.typed::<PutRecordInput>(&encoded), Ok(typed));
    }
}

#[test]
fn put_records_breaks_constraints_in_aws_s_words() {
    let refuse = |body: &'static [u8]| {
        Codec::Json11
            .typed::<PutRecordsInput>(&Bytes::from_static(body))
            .map(drop)
            .unwrap_err()
            .message
    };
    assert_eq!(
        refuse(br#"{"StreamName":"a b"}"#),
        "2 validation errors detected: Value null at 'records' failed to satisfy constraint: Member must not be null; \
         Value 'a b' at 'streamName' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    );
    let records = vec![r#"{"Data":"","PartitionKey":"k"}"#; 501].join(",");
    let body = Bytes::from(format!(r#"{{"StreamName":"s","Records":[{records}]}}"#));
    let message = Codec::Json11
        .typed::<PutRecordsInput>(&body)
        .map(drop)
        .unwrap_err()
        .message;
    let start =
        "1 validation error detected: Value '[com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@";
    assert!(message.starts_with(start), "{message}");
    assert!(message.ends_with(
        "at 'records' failed to satisfy constraint: Member must have length less than or equal to 500"
    ));
}

//! Values and errors out to status, headers and body.

use bytes::Bytes;
use millrace_api::{Kind, Location, Member, Operation, Shape, TimestampFormat, Value};

use super::Response;
use crate::{ApiError, json, timestamp};

const JSON: &str = "application/json";

/// Renders an operation's answer. A streaming payload that is absent from `value` leaves the body empty, for the
/// service to send.
#[must_use]
pub fn respond(operation: &Operation, value: &Value) -> Response {
    let mut response = Response {
        status: operation.status,
        headers: Vec::new(),
        body: Bytes::new(),
    };
    let Some(shape) = operation.output else {
        return response;
    };
    let (Kind::Structure { members, .. }, Value::Struct(fields)) = (&shape.kind, value) else {
        return response;
    };
    for (member, slot) in members.iter().zip(&fields.0) {
        if let Some(value) = slot {
            bind(member, value, &mut response);
        }
    }
    let payload = members.iter().zip(&fields.0).find(|(member, _)| member.payload);
    let content_type = match payload {
        Some((member, slot)) => slot
            .as_ref()
            .map(|value| payload_body(member.shape, value, &mut response)),
        None => members.iter().any(|m| m.location == Location::Body).then(|| {
            response.body = Bytes::from(json::encode(shape, value));
            JSON
        }),
    };
    let named = response.headers.iter().any(|(name, _)| name == "content-type");
    if let Some(content_type) = content_type.filter(|_| !named) {
        response
            .headers
            .push(("content-type".to_owned(), content_type.to_owned()));
    }
    response
}

/// Renders an error: its code in `x-amzn-ErrorType` (and in the spelling the Kinesis Video documents give), its
/// message in the body.
#[must_use]
pub fn error(error: &ApiError) -> Response {
    let code = header_safe(error.short_code());
    let mut body = b"{\"Message\":".to_vec();
    json::quote(&error.message, &mut body);
    body.push(b'}');
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Response {
        status: error.status,
        headers: vec![
            header("x-amzn-errortype", &code),
            header("x-amz-errortype", &code),
            header("content-type", JSON),
        ],
        body: Bytes::from(body),
    }
}

fn bind(member: &Member, value: &Value, response: &mut Response) {
    match (member.location, value) {
        (Location::Status, Value::Integer(status)) => {
            response.status = u16::try_from(*status).unwrap_or(response.status);
        }
        (Location::Header, value) => {
            let text = header_text(member.shape, value);
            response
                .headers
                .push((member.wire.to_ascii_lowercase(), header_safe(&text)));
        }
        (Location::Headers, Value::Map(entries)) => {
            let Kind::Map { value: element, .. } = &member.shape.kind else {
                return;
            };
            for (key, value) in entries {
                let name = format!("{}{key}", member.wire).to_ascii_lowercase();
                response
                    .headers
                    .push((name, header_safe(&header_text(element, value))));
            }
        }
        _ => {}
    }
}

/// Makes the payload the body and says what it is.
fn payload_body(shape: &'static Shape, value: &Value, response: &mut Response) -> &'static str {
    let (body, content_type) = match value {
        Value::Blob(bytes) => (bytes.clone(), "application/octet-stream"),
        Value::String(text) => (Bytes::copy_from_slice(text.as_bytes()), "text/plain"),
        value => (Bytes::from(json::encode(shape, value)), JSON),
    };
    response.body = body;
    content_type
}

fn header_text(shape: &Shape, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => format!("{number:?}"),
        Value::Boolean(value) => value.to_string(),
        Value::Blob(bytes) => base64_simd::STANDARD.encode_to_string(bytes),
        // Headers default to HTTP dates; only an explicit ISO form differs (Smithy, "timestamp serialization").
        Value::Timestamp(millis) => match shape.kind {
            Kind::Timestamp(TimestampFormat::Iso8601) => timestamp::iso8601(*millis),
            _ => timestamp::http_date(*millis),
        },
        Value::List(items) => {
            let Kind::List { element, .. } = &shape.kind else {
                return String::new();
            };
            let texts: Vec<String> = items.iter().map(|item| header_text(element, item)).collect();
            texts.join(", ")
        }
        Value::Struct(_) | Value::Map(_) => String::new(),
    }
}

/// A text that cannot end its header: control characters become spaces.
fn header_safe(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

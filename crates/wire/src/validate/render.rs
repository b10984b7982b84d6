//! A value as Java's `toString` shows it inside a validation message.

use millrace_api::{Kind, Shape, Value, kinesis};

use crate::limits::ECHO_COLLECTION_BYTES_MAX;
use crate::serialization::echo;
use crate::timestamp;

/// Renders a value: texts verbatim, `[a, b]`, `{k=v}`, `java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]`, and
/// `com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@…` for a structure. Long ones are cut with `...`.
pub(super) fn render(root: &'static Shape, shape: &Shape, value: &Value) -> String {
    let mut out = String::new();
    write(&package(root), shape, value, &mut out);
    out
}

fn write(package: &str, shape: &Shape, value: &Value, out: &mut String) {
    match (&shape.kind, value) {
        (Kind::List { element, .. }, Value::List(items)) => {
            out.push('[');
            each(items, out, |item, out| write(package, element, item, out));
            out.push(']');
        }
        (Kind::Map { value: shape, .. }, Value::Map(entries)) => {
            out.push('{');
            each(entries, out, |(key, item), out| {
                out.push_str(echo(key));
                out.push('=');
                write(package, shape, item, out);
            });
            out.push('}');
        }
        (_, Value::Struct(_)) => {
            out.push_str(&format!("{package}.{}@{:x}", shape.name, hash(value)));
        }
        (_, Value::String(text)) => {
            out.push_str(echo(text));
            if echo(text).len() < text.len() {
                out.push_str("...");
            }
        }
        (_, Value::Blob(bytes)) => {
            let len = bytes.len();
            out.push_str(&format!("java.nio.HeapByteBuffer[pos=0 lim={len} cap={len}]"));
        }
        (_, Value::Integer(number)) => out.push_str(&number.to_string()),
        (_, Value::Double(number)) => out.push_str(&format!("{number:?}")),
        (_, Value::Boolean(value)) => out.push_str(&value.to_string()),
        (_, Value::Timestamp(millis)) => out.push_str(&timestamp::iso8601(*millis)),
        (_, Value::List(_) | Value::Map(_)) => {}
    }
}

fn each<T>(items: &[T], out: &mut String, write: impl Fn(&T, &mut String)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        if out.len() > ECHO_COLLECTION_BYTES_MAX {
            out.push_str("...");
            return;
        }
        write(item, out);
    }
}

/// The Java package of a request's classes. It is known for Kinesis; elsewhere only its beginning.
fn package(root: &'static Shape) -> String {
    let service = &kinesis::SERVICE;
    let known = service
        .operations
        .iter()
        .filter_map(|op| op.input)
        .any(|input| std::ptr::eq(input, root));
    if !known {
        return "com.amazonaws".to_owned();
    }
    format!(
        "com.amazonaws.{}.v{}",
        service.id,
        service.version.replace('-', "")
    )
}

/// What stands for Java's hash code: the same for the same value, and of no other meaning.
fn hash(value: &Value) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    feed(value, &mut hasher);
    hasher.finalize()
}

fn feed(value: &Value, hasher: &mut crc32fast::Hasher) {
    match value {
        Value::Struct(fields) => {
            for slot in &fields.0 {
                hasher.update(&[u8::from(slot.is_some())]);
                if let Some(value) = slot {
                    feed(value, hasher);
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| feed(item, hasher)),
        Value::Map(entries) => entries.iter().for_each(|(key, value)| {
            hasher.update(key.as_bytes());
            feed(value, hasher);
        }),
        Value::String(text) => hasher.update(text.as_bytes()),
        Value::Blob(bytes) => hasher.update(bytes),
        Value::Integer(number) | Value::Timestamp(number) => hasher.update(&number.to_be_bytes()),
        Value::Double(number) => hasher.update(&number.to_be_bytes()),
        Value::Boolean(value) => hasher.update(&[u8::from(*value)]),
    }
}

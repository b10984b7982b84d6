//! A value to XML, guided by a shape.

use std::fmt::Write;

use millrace_api::{Kind, Location, Shape, TimestampFormat, Value};

use crate::timestamp;
use crate::xml::escape;

/// Writes the members of a structure, one element each.
pub(super) fn members(shape: &Shape, value: &Value, out: &mut String) {
    let (Kind::Structure { members, .. }, Value::Struct(fields)) = (&shape.kind, value) else {
        debug_assert!(false, "a value that does not have its shape: {value:?}");
        return;
    };
    for (member, slot) in members.iter().zip(&fields.0) {
        if let Some(value) = slot.as_ref().filter(|_| member.location == Location::Body) {
            element(member.wire, member.shape, value, out);
        }
    }
}

fn element(name: &str, shape: &Shape, value: &Value, out: &mut String) {
    // Writing into a String cannot fail, here and below.
    let _ = write!(out, "<{name}>");
    content(shape, value, out);
    let _ = write!(out, "</{name}>");
}

/// Writes what stands in an element. A value that does not have its shape, which is a bug of the caller, leaves it
/// empty.
fn content(shape: &Shape, value: &Value, out: &mut String) {
    match (&shape.kind, value) {
        (Kind::Structure { .. }, Value::Struct(_)) => members(shape, value, out),
        (
            Kind::List {
                element: shape,
                element_name,
                ..
            },
            Value::List(items),
        ) => {
            let name = if element_name.is_empty() {
                "member"
            } else {
                *element_name
            };
            for item in items {
                element(name, shape, item, out);
            }
        }
        (Kind::Map { value: shape, .. }, Value::Map(entries)) => {
            for (key, value) in entries {
                out.push_str("<entry><key>");
                escape(key, out);
                out.push_str("</key>");
                element("value", shape, value, out);
                out.push_str("</entry>");
            }
        }
        (kind, value) => scalar(kind, value, out),
    }
}

fn scalar(kind: &Kind, value: &Value, out: &mut String) {
    let _ = match (kind, value) {
        (Kind::String { .. }, Value::String(text)) => {
            escape(text, out);
            Ok(())
        }
        (Kind::Blob { .. }, Value::Blob(bytes)) => {
            out.push_str(&base64_simd::STANDARD.encode_to_string(bytes));
            Ok(())
        }
        (Kind::Integer { .. } | Kind::Long { .. }, Value::Integer(number)) => write!(out, "{number}"),
        (Kind::Double { .. }, Value::Double(number)) => double(*number, out),
        (Kind::Boolean, Value::Boolean(value)) => write!(out, "{value}"),
        // The protocol's own form is ISO 8601; the tables name another one for the JSON protocols.
        (Kind::Timestamp(TimestampFormat::HttpDate), Value::Timestamp(millis)) => {
            write!(out, "{}", timestamp::http_date(*millis))
        }
        (Kind::Timestamp(_), Value::Timestamp(millis)) => write!(out, "{}", timestamp::iso8601(*millis)),
        _ => {
            debug_assert!(false, "a value that does not have its shape: {value:?}");
            Ok(())
        }
    };
}

/// The shortest form that reads back the same, and XML Schema's names of what no digits can say.
fn double(number: f64, out: &mut String) -> std::fmt::Result {
    if number.is_nan() {
        out.write_str("NaN")
    } else if number.is_infinite() {
        out.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        write!(out, "{number:?}")
    }
}

//! Values to CBOR, guided by a shape.

use millrace_api::{Kind, Location, Shape, Value};

/// Opens an indefinite map.
pub(super) const MAP: u8 = 0xbf;
/// Opens an indefinite list.
const LIST: u8 = 0x9f;
/// Ends what is indefinite.
pub(super) const BREAK: u8 = 0xff;
/// Tag 1.
const TIME: u8 = 0xc1;
const NULL: u8 = 0xf6;
const DOUBLE: u8 = 0xfb;

/// Writes one value. A value that does not have its shape, which is a bug of the caller, is written as null.
pub(super) fn write(shape: &Shape, value: &Value, out: &mut Vec<u8>) {
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Struct(fields)) => {
            out.push(MAP);
            for (member, slot) in members.iter().zip(&fields.0) {
                let Some(value) = slot else { continue };
                let stream = matches!(
                    member.shape.kind,
                    Kind::Structure {
                        event_stream: true,
                        ..
                    }
                );
                if member.location == Location::Body && !stream {
                    text(member.wire, out);
                    write(member.shape, value, out);
                }
            }
            out.push(BREAK);
        }
        (Kind::List { element, .. }, Value::List(items)) => {
            out.push(LIST);
            for item in items {
                write(element, item, out);
            }
            out.push(BREAK);
        }
        (Kind::Map { value: shape, .. }, Value::Map(entries)) => {
            out.push(MAP);
            for (key, value) in entries {
                text(key, out);
                write(shape, value, out);
            }
            out.push(BREAK);
        }
        (kind, value) => scalar(kind, value, out),
    }
}

fn scalar(kind: &Kind, value: &Value, out: &mut Vec<u8>) {
    match (kind, value) {
        (Kind::String { .. }, Value::String(string)) => text(string, out),
        (Kind::Blob { .. }, Value::Blob(bytes)) => {
            head(2, length(bytes.len()), out);
            out.extend_from_slice(bytes);
        }
        (Kind::Integer { .. } | Kind::Long { .. }, Value::Integer(number)) => integer(*number, out),
        (Kind::Double { .. }, Value::Double(number)) => {
            out.push(DOUBLE);
            out.extend_from_slice(&number.to_be_bytes());
        }
        (Kind::Boolean, Value::Boolean(value)) => out.push(0xf4 | u8::from(*value)),
        (Kind::Timestamp(_), Value::Timestamp(millis)) => {
            out.push(TIME);
            integer(*millis, out);
        }
        _ => {
            debug_assert!(false, "a value that does not have its shape: {value:?}");
            out.push(NULL);
        }
    }
}

/// A definite text.
pub(super) fn text(string: &str, out: &mut Vec<u8>) {
    head(3, length(string.len()), out);
    out.extend_from_slice(string.as_bytes());
}

fn integer(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        head(1, number.unsigned_abs() - 1, out);
    } else {
        head(0, number.unsigned_abs(), out);
    }
}

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The initial byte of a major type and its argument in the shortest form (RFC 8949, 3).
#[expect(clippy::cast_possible_truncation, reason = "each arm's range fits its width")]
fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

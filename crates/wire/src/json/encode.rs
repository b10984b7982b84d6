//! Values to JSON, guided by a shape.

use std::io::Write;

use millrace_api::{Kind, Location, Shape, TimestampFormat, Value};

use crate::timestamp;

/// Writes one value. A value that does not have its shape, which is a bug of the caller, is written as null.
pub(super) fn write(shape: &Shape, value: &Value, out: &mut Vec<u8>) {
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Struct(fields)) => {
            let mut entries = Entries::open(out);
            for (member, slot) in members.iter().zip(&fields.0) {
                let Some(value) = slot else { continue };
                if member.location == Location::Body && !is_event_stream(member.shape) {
                    write(member.shape, value, entries.name(member.wire));
                }
            }
            entries.close();
        }
        (Kind::List { element, .. }, Value::List(items)) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(element, item, out);
            }
            out.push(b']');
        }
        (Kind::Map { value: shape, .. }, Value::Map(entries)) => {
            let mut object = Entries::open(out);
            for (key, value) in entries {
                write(shape, value, object.name(key));
            }
            object.close();
        }
        (kind, value) => scalar(kind, value, out),
    }
}

fn scalar(kind: &Kind, value: &Value, out: &mut Vec<u8>) {
    match (kind, value) {
        (Kind::String { .. }, Value::String(text)) => quote(text, out),
        (Kind::Blob { .. }, Value::Blob(bytes)) => {
            out.push(b'"');
            base64_simd::STANDARD.encode_append(bytes, out);
            out.push(b'"');
        }
        (Kind::Integer { .. } | Kind::Long { .. }, Value::Integer(number)) => display(number, out),
        (Kind::Double { .. }, Value::Double(number)) => double(*number, out),
        (Kind::Boolean, Value::Boolean(value)) => display(value, out),
        (Kind::Timestamp(TimestampFormat::EpochSeconds), Value::Timestamp(millis)) => {
            out.extend_from_slice(timestamp::epoch_seconds(*millis).as_bytes());
        }
        (Kind::Timestamp(format), Value::Timestamp(millis)) => {
            quote(timestamp::format(*format, *millis), out);
        }
        _ => {
            debug_assert!(false, "a value that does not have its shape: {value:?}");
            out.extend_from_slice(b"null");
        }
    }
}

pub(crate) fn is_event_stream(shape: &Shape) -> bool {
    matches!(
        shape.kind,
        Kind::Structure {
            event_stream: true,
            ..
        }
    )
}

fn display(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    let _infallible = write!(out, "{value}");
}

/// The shortest form that reads back the same; what JSON has no number for, as Smithy's texts.
fn double(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        let _infallible = write!(out, "{number:?}");
    } else if number.is_nan() {
        out.extend_from_slice(br#""NaN""#);
    } else {
        out.extend_from_slice(if number > 0.0 {
            br#""Infinity""#.as_slice()
        } else {
            br#""-Infinity""#
        });
    }
}

/// Writes a string, which is UTF-8, with its quotes; only what must be escaped is.
pub fn quote(text: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_ref();
    while let Some(at) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\') {
        let (run, tail) = rest.split_at(at);
        out.extend_from_slice(run);
        let Some((byte, tail)) = tail.split_first() else {
            break;
        };
        escape(*byte, out);
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Whether [`quote`] writes nothing but the text and its quotes.
#[must_use]
pub fn is_plain(text: impl AsRef<[u8]>) -> bool {
    // Without an early end it is a handful of vector instructions.
    let escaped = |b: &u8| (*b < 0x20) | (*b == b'"') | (*b == b'\\');
    !text.as_ref().iter().fold(false, |any, byte| any | escaped(byte))
}

/// Bytes that [`quote`] writes.
#[must_use]
pub fn quoted_len(text: impl AsRef<[u8]>) -> usize {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | 0x08 | 0x0c | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    2 + text.as_ref().iter().map(escaped).sum::<usize>()
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let _infallible = write!(out, "\\u{byte:04x}");
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// An object being written.
struct Entries<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Entries<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Writes a name; its value goes into what is returned.
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        quote(name, self.out);
        self.out.push(b':');
        self.out
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

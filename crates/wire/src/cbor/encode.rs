//! Values to CBOR, guided by a shape.

use millrace_api::{Kind, Location, Member, Shape, Value};

use super::Dialect;

/// Opens an indefinite map.
const MAP: u8 = 0xbf;
/// Opens an indefinite list.
const LIST: u8 = 0x9f;
/// Ends what is indefinite.
const BREAK: u8 = 0xff;
/// Tag 1.
const TIME: u8 = 0xc1;
const NULL: u8 = 0xf6;
const DOUBLE: u8 = 0xfb;

/// Appends data items.
pub(super) struct Writer<'a> {
    dialect: Dialect,
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(dialect: Dialect, out: &'a mut Vec<u8>) -> Self {
        Self { dialect, out }
    }

    /// Writes one value. A value that does not have its shape, which is a bug of the caller, is written as null.
    pub(super) fn value(&mut self, shape: &Shape, value: &Value) {
        match (&shape.kind, value) {
            (Kind::Structure { members, .. }, Value::Struct(fields)) => {
                let present = || members.iter().zip(&fields.0).filter_map(present);
                self.begin_map(present().count());
                for (member, value) in present() {
                    self.text(member.wire);
                    self.value(member.shape, value);
                }
                self.end();
            }
            (Kind::List { element, .. }, Value::List(items)) => {
                self.begin(4, LIST, items.len());
                for item in items {
                    self.value(element, item);
                }
                self.end();
            }
            (Kind::Map { value: shape, .. }, Value::Map(entries)) => {
                self.begin_map(entries.len());
                for (key, value) in entries {
                    self.text(key);
                    self.value(shape, value);
                }
                self.end();
            }
            (kind, value) => self.scalar(kind, value),
        }
    }

    pub(super) fn begin_map(&mut self, entries: usize) {
        self.begin(5, MAP, entries);
    }

    fn begin(&mut self, major: u8, indefinite: u8, items: usize) {
        match self.dialect {
            Dialect::Cbor11 => self.out.push(indefinite),
            Dialect::RpcV2 => head(major, length(items), self.out),
        }
    }

    /// Ends a map or a list.
    pub(super) fn end(&mut self) {
        if self.dialect == Dialect::Cbor11 {
            self.out.push(BREAK);
        }
    }

    /// A definite text.
    pub(super) fn text(&mut self, string: &str) {
        head(3, length(string.len()), self.out);
        self.out.extend_from_slice(string.as_bytes());
    }

    fn scalar(&mut self, kind: &Kind, value: &Value) {
        match (kind, value) {
            (Kind::String { .. }, Value::String(string)) => self.text(string),
            (Kind::Blob { .. }, Value::Blob(bytes)) => {
                head(2, length(bytes.len()), self.out);
                self.out.extend_from_slice(bytes);
            }
            (Kind::Integer { .. } | Kind::Long { .. }, Value::Integer(number)) => integer(*number, self.out),
            (Kind::Double { .. }, Value::Double(number)) => self.double(*number),
            (Kind::Boolean, Value::Boolean(value)) => self.out.push(0xf4 | u8::from(*value)),
            (Kind::Timestamp(_), Value::Timestamp(millis)) => {
                self.out.push(TIME);
                self.time(*millis);
            }
            _ => {
                debug_assert!(false, "a value that does not have its shape: {value:?}");
                self.out.push(NULL);
            }
        }
    }

    fn time(&mut self, millis: i64) {
        match self.dialect {
            Dialect::Cbor11 => integer(millis, self.out),
            Dialect::RpcV2 if millis % 1000 == 0 => integer(millis / 1000, self.out),
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are exact")]
            Dialect::RpcV2 => self.double(millis as f64 / 1000.0),
        }
    }

    fn double(&mut self, number: f64) {
        self.out.push(DOUBLE);
        self.out.extend_from_slice(&number.to_be_bytes());
    }
}

/// A member that is there and belongs into the body.
fn present<'a>((member, slot): (&'a Member, &'a Option<Value>)) -> Option<(&'a Member, &'a Value)> {
    let stream = matches!(
        member.shape.kind,
        Kind::Structure {
            event_stream: true,
            ..
        }
    );
    let value = slot.as_ref()?;
    (member.location == Location::Body && !stream).then_some((member, value))
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

//! JSON to values, guided by a shape.

use bytes::Bytes;
use millrace_api::{Fields, Kind, Location, Member, Shape, TimestampFormat, Value};

use super::reader::Reader;
use crate::codec::{Slots, last_wins, lower_first, member_index};
use crate::limits::DEPTH_MAX;
use crate::serialization::{Fault, Found, blob_of_text, boolean_of_text, clamp, floor_to_i64, mismatch};
use crate::timestamp;

/// Decodes a whole body.
pub(super) fn decode(shape: &'static Shape, body: &[u8]) -> Result<Value, Fault> {
    if body.is_empty() {
        return Err(Fault::new(
            "The request body is empty; send {} for a request without members",
        ));
    }
    let text = std::str::from_utf8(body).map_err(|e| {
        Fault::malformed(
            "The request body",
            "JSON",
            e.valid_up_to(),
            "it is not UTF-8, which breaks",
        )
    })?;
    let mut decoder = Decoder {
        reader: Reader::new(text),
        slots: Slots::new(),
    };
    let value = decoder.value(shape, 0)?;
    decoder.reader.end()?;
    value.ok_or_else(|| Fault::new("The request body is null; send {} for a request without members"))
}

struct Decoder<'a> {
    reader: Reader<'a>,
    slots: Slots,
}

impl Decoder<'_> {
    /// A value of `shape`; `None` for null.
    fn value(&mut self, shape: &'static Shape, depth: usize) -> Result<Option<Value>, Fault> {
        let first = self.reader.peek()?;
        if first == b'n' {
            self.reader.literal("null")?;
            return Ok(None);
        }
        if depth > DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        self.slots.take(1)?;
        let value = match (&shape.kind, first) {
            (Kind::Structure { members, union, .. }, b'{') => self.structure(members, *union, depth)?,
            (Kind::List { element, .. }, b'[') => self.list(element, depth)?,
            (Kind::Map { value, .. }, b'{') => self.map(value, depth)?,
            (kind, b'[') => return Err(mismatch(kind, Found::List)),
            (kind, b'{') => return Err(mismatch(kind, Found::Map)),
            (kind, b'"') => text(kind, self.reader.string()?.as_ref())?,
            (kind, b'-' | b'0'..=b'9') => number(kind, self.reader.number()?)?,
            (kind, b't') => {
                self.reader.literal("true")?;
                boolean(kind, true)?
            }
            (kind, b'f') => {
                self.reader.literal("false")?;
                boolean(kind, false)?
            }
            _ => return Err(self.reader.malformed("a value is missing")),
        };
        Ok(Some(value))
    }

    fn structure(&mut self, members: &'static [Member], union: bool, depth: usize) -> Result<Value, Fault> {
        self.reader.expect(b'{')?;
        self.slots.take(members.len())?;
        let mut fields = Fields::absent(members.len());
        let mut next = 0;
        let mut more = !self.reader.accept(b'}')?;
        while more {
            let name = self.reader.name()?;
            match member_index(members, &name, next, |m| m.location == Location::Body) {
                Some((index, member)) => {
                    let value = self
                        .value(member.shape, depth + 1)
                        .map_err(|f| f.within(&lower_first(member.name)))?;
                    if let Some(slot) = fields.0.get_mut(index) {
                        *slot = value;
                    }
                    next = index + 1;
                }
                None => self.reader.skip(depth + 1)?,
            }
            more = self.reader.more(b'}')?;
        }
        crate::codec::check_union(union, &fields)?;
        Ok(Value::Struct(fields))
    }

    fn list(&mut self, element: &'static Shape, depth: usize) -> Result<Value, Fault> {
        self.reader.expect(b'[')?;
        let mut items = Vec::new();
        let mut more = !self.reader.accept(b']')?;
        while more {
            let item = self
                .value(element, depth + 1)
                .and_then(|v| v.ok_or(Fault::NullElement(String::new())));
            items.push(item.map_err(|f| f.within(&format!("{}.member", items.len() + 1)))?);
            more = self.reader.more(b']')?;
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, shape: &'static Shape, depth: usize) -> Result<Value, Fault> {
        self.reader.expect(b'{')?;
        let mut entries = Vec::new();
        let mut more = !self.reader.accept(b'}')?;
        while more {
            let key = self.reader.name()?.into_owned();
            if let Some(value) = self
                .value(shape, depth + 1)
                .map_err(|f| f.within(&format!("{key}.member")))?
            {
                entries.push((key, value));
            }
            more = self.reader.more(b'}')?;
        }
        Ok(Value::Map(last_wins(entries)))
    }
}

fn text(kind: &Kind, text: &str) -> Result<Value, Fault> {
    Ok(match kind {
        Kind::String { .. } => Value::String(text.to_owned()),
        Kind::Blob { .. } => Value::Blob(Bytes::from(blob_of_text(text)?)),
        Kind::Boolean => Value::Boolean(boolean_of_text(text)?),
        // Smithy's forms of what JSON numbers cannot say.
        Kind::Double { .. } => Value::Double(match text {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => return Err(mismatch(kind, Found::String)),
        }),
        Kind::Timestamp(format) if *format != TimestampFormat::EpochSeconds => {
            Value::Timestamp(timestamp::parse(*format, text).ok_or_else(|| mismatch(kind, Found::String))?)
        }
        _ => return Err(mismatch(kind, Found::String)),
    })
}

fn number(kind: &Kind, text: &str) -> Result<Value, Fault> {
    let float = || text.parse::<f64>().map_err(|_| mismatch(kind, Found::Number));
    Ok(match kind {
        Kind::Integer { .. } | Kind::Long { .. } => {
            let integer = match text.parse::<i64>() {
                Ok(integer) => integer,
                Err(_) => floor_to_i64(float()?),
            };
            Value::Integer(clamp(kind, integer))
        }
        Kind::Double { .. } => Value::Double(float()?),
        Kind::Timestamp(_) => Value::Timestamp(
            timestamp::parse_epoch_seconds(text).ok_or_else(|| mismatch(kind, Found::Number))?,
        ),
        // AWS takes a number with a fraction for a truth value, though no integer.
        Kind::Boolean if text.contains(['.', 'e', 'E']) => Value::Boolean(float()? != 0.0),
        _ => return Err(mismatch(kind, Found::Number)),
    })
}

fn boolean(kind: &Kind, value: bool) -> Result<Value, Fault> {
    match kind {
        Kind::Boolean => Ok(Value::Boolean(value)),
        _ => Err(mismatch(kind, Found::Boolean)),
    }
}

//! CBOR to values, guided by a shape.

use bytes::Bytes;
use millrace_api::{Fields, Kind, Location, Member, Shape, Value};

use super::Dialect;
use super::reader::{Count, Head, Reader, Text};
use crate::codec::{Slots, last_wins, lower_first, member_index};
use crate::limits::DEPTH_MAX;
use crate::serialization::{Fault, Found, blob_of_text, boolean_of_text, clamp, floor_to_i64, mismatch};
use crate::timestamp;

/// Decodes a whole body.
pub(super) fn decode(dialect: Dialect, shape: &'static Shape, body: &Bytes) -> Result<Value, Fault> {
    if body.is_empty() {
        return Err(Fault::new(
            "The request body is empty; send an empty map for a request without members",
        ));
    }
    let mut decoder = Decoder {
        dialect,
        reader: Reader::new(body.clone()),
        slots: Slots::new(),
    };
    let head = decoder.reader.head()?;
    let value = decoder.value(shape, head, 0)?;
    decoder.reader.end()?;
    value.ok_or_else(|| {
        Fault::new("The request body is null; send an empty map for a request without members")
    })
}

struct Decoder {
    dialect: Dialect,
    reader: Reader,
    slots: Slots,
}

impl Decoder {
    /// The value whose head was taken; `None` for null.
    fn value(&mut self, shape: &'static Shape, head: Head, depth: usize) -> Result<Option<Value>, Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::too_deep());
        }
        self.slots.take(1)?;
        let kind = &shape.kind;
        Ok(Some(match (kind, head) {
            (_, Head::Null) => return Ok(None),
            (Kind::Structure { members, union, .. }, Head::Map(len)) => {
                self.structure(members, *union, len, depth)?
            }
            (Kind::List { element, .. }, Head::List(len)) => self.list(element, len, depth)?,
            (Kind::Map { value, .. }, Head::Map(len)) => self.map(value, len, depth)?,
            (_, Head::Map(_)) => return Err(mismatch(kind, Found::Map)),
            (_, Head::List(_)) => return Err(mismatch(kind, Found::List)),
            (_, Head::Text(len)) => text(kind, self.reader.text(len)?.as_str())?,
            (Kind::Blob { .. }, Head::Bytes(len)) => Value::Blob(self.reader.bytes(len)?),
            (_, Head::Bytes(_)) => return Err(mismatch(kind, Found::Bytes)),
            (_, Head::Boolean(value)) => boolean(kind, value)?,
            (_, Head::Unsigned(number)) => self.integer(kind, i64::try_from(number).unwrap_or(i64::MAX))?,
            (_, Head::Negative(n)) => self.integer(kind, i64::try_from(n).map_or(i64::MIN, |n| -1 - n))?,
            (_, Head::Float(number)) => float(kind, number)?,
            (_, Head::Other) => return Err(self.reader.malformed("an unknown simple value stands")),
            (_, Head::Break) => {
                return Err(self.reader.malformed("a break stands where an item is expected"));
            }
        }))
    }

    fn structure(
        &mut self,
        members: &'static [Member],
        union: bool,
        len: Option<u64>,
        depth: usize,
    ) -> Result<Value, Fault> {
        self.slots.take(members.len())?;
        let mut fields = Fields::absent(members.len());
        let mut next = 0;
        let mut count = Count::new(len);
        while let Some(name) = count.next(&mut self.reader)? {
            let name = self.name(name)?;
            let head = self.reader.head()?;
            match member_index(members, name.as_str(), next, |m| m.location == Location::Body) {
                Some((index, member)) => {
                    let value = self.value(member.shape, head, depth + 1);
                    if let Some(slot) = fields.0.get_mut(index) {
                        *slot = value.map_err(|f| f.within(&lower_first(member.name)))?;
                    }
                    next = index + 1;
                }
                None => self.reader.skip(head, depth + 1)?,
            }
        }
        crate::codec::check_union(union, &fields)?;
        Ok(Value::Struct(fields))
    }

    fn list(&mut self, element: &'static Shape, len: Option<u64>, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        let mut count = Count::new(len);
        while let Some(head) = count.next(&mut self.reader)? {
            let item = self.value(element, head, depth + 1);
            let item = item.and_then(|v| v.ok_or(Fault::NullElement(String::new())));
            items.push(item.map_err(|f| f.within(&format!("{}.member", items.len() + 1)))?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, shape: &'static Shape, len: Option<u64>, depth: usize) -> Result<Value, Fault> {
        let mut entries = Vec::new();
        let mut count = Count::new(len);
        while let Some(key) = count.next(&mut self.reader)? {
            let key = self.name(key)?.as_str().to_owned();
            let head = self.reader.head()?;
            let value = self.value(shape, head, depth + 1);
            if let Some(value) = value.map_err(|f| f.within(&format!("{key}.member")))? {
                entries.push((key, value));
            }
        }
        Ok(Value::Map(last_wins(entries)))
    }

    fn name(&mut self, head: Head) -> Result<Text, Fault> {
        match head {
            Head::Text(len) => self.reader.text(len),
            _ => Err(self.reader.malformed("a member's name is no text")),
        }
    }

    /// An integer; as a timestamp it counts what the dialect says, under tag 1 or not.
    fn integer(&self, kind: &Kind, number: i64) -> Result<Value, Fault> {
        Ok(match kind {
            Kind::Integer { .. } | Kind::Long { .. } => Value::Integer(clamp(kind, number)),
            #[expect(clippy::cast_precision_loss, reason = "a double holds what it can")]
            Kind::Double { .. } => Value::Double(number as f64),
            Kind::Timestamp(_) => Value::Timestamp(match self.dialect {
                Dialect::Cbor11 => number,
                Dialect::RpcV2 => number.saturating_mul(1000),
            }),
            _ => return Err(mismatch(kind, Found::Number)),
        })
    }
}

fn text(kind: &Kind, text: &str) -> Result<Value, Fault> {
    Ok(match kind {
        Kind::String { .. } => Value::String(text.to_owned()),
        Kind::Blob { .. } => Value::Blob(Bytes::from(blob_of_text(text)?)),
        Kind::Boolean => Value::Boolean(boolean_of_text(text)?),
        _ => return Err(mismatch(kind, Found::String)),
    })
}

/// A float; as a timestamp it counts seconds, as RFC 8949 has it.
fn float(kind: &Kind, number: f64) -> Result<Value, Fault> {
    Ok(match kind {
        Kind::Integer { .. } | Kind::Long { .. } if !number.is_nan() => {
            Value::Integer(clamp(kind, floor_to_i64(number)))
        }
        Kind::Double { .. } => Value::Double(number),
        Kind::Timestamp(_) if number.is_finite() => Value::Timestamp(timestamp::millis_of_seconds(number)),
        Kind::Boolean => Value::Boolean(number != 0.0),
        _ => return Err(mismatch(kind, Found::Number)),
    })
}

fn boolean(kind: &Kind, value: bool) -> Result<Value, Fault> {
    match kind {
        Kind::Boolean => Ok(Value::Boolean(value)),
        _ => Err(mismatch(kind, Found::Boolean)),
    }
}

//! The body formats of the RPC protocols, behind one choice.

use std::collections::HashMap;

use bytes::Bytes;
use millrace_api::value::Mismatch;
use millrace_api::{Fields, Member, Shape, Shaped, Typed, Value};

use crate::cbor::Dialect;
use crate::limits::VALUE_SLOTS_MAX;
use crate::serialization::Fault;
use crate::{ApiError, Reply, cbor, json, query, validate};

/// A body format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// `application/x-amz-json-1.0`
    Json10,
    /// `application/x-amz-json-1.1`
    Json11,
    /// `application/x-amz-cbor-1.1`
    Cbor11,
    /// `application/cbor`, of Smithy RPC v2
    RpcV2Cbor,
    /// A form, answered in XML
    QueryXml,
    /// A form, answered in JSON
    QueryJson,
}

impl Codec {
    /// The format of a `Content-Type` beside an `X-Amz-Target`, parameters ignored.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        [Self::Json10, Self::Json11, Self::Cbor11]
            .into_iter()
            .find(|c| media.eq_ignore_ascii_case(c.content_type()))
    }

    /// The `Content-Type` it answers with.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Cbor11 => "application/x-amz-cbor-1.1",
            Self::RpcV2Cbor => "application/cbor",
            Self::QueryXml => "text/xml",
            Self::QueryJson => "application/json",
        }
    }

    /// Whether requests are forms, and answers have an envelope; see [`query`].
    #[must_use]
    pub const fn is_query(self) -> bool {
        matches!(self, Self::QueryXml | Self::QueryJson)
    }

    /// Decodes a body as `shape`. An empty body is refused, as AWS does, unless it is a form.
    ///
    /// # Errors
    /// `SerializationException` in AWS's words.
    pub fn decode(self, shape: &'static Shape, body: &Bytes) -> Result<Value, ApiError> {
        match self {
            Self::Json10 | Self::Json11 => json::decode(shape, body),
            Self::Cbor11 => cbor::decode(Dialect::Cbor11, shape, body),
            Self::RpcV2Cbor => cbor::decode(Dialect::RpcV2, shape, body),
            Self::QueryXml | Self::QueryJson => query::decode(shape, body),
        }
    }

    /// Decodes a body, holds it against every constraint and makes it typed.
    ///
    /// # Errors
    /// `SerializationException` or `ValidationException` in AWS's words.
    pub fn request<T: Typed>(self, shape: &'static Shape, body: &Bytes) -> Result<T, ApiError> {
        let value = self.decode(shape, body)?;
        validate(shape, &value)?;
        T::from_value(value).map_err(|Mismatch| ApiError::internal(Mismatch.to_string()))
    }

    /// Decodes a body as a structure that knows its table, held against every constraint.
    ///
    /// # Errors
    /// `SerializationException` or `ValidationException` in AWS's words.
    pub fn typed<T: Shaped>(self, body: &Bytes) -> Result<T, ApiError> {
        self.request(T::SHAPE, body)
    }

    /// Encodes a structure that knows its table.
    #[must_use]
    pub fn encode_typed<T: Shaped>(self, answer: T) -> Vec<u8> {
        self.encode(T::SHAPE, &answer.into_value())
    }

    /// The reply to a call with this output.
    #[must_use]
    pub fn reply<T: Shaped>(self, output: T) -> Reply {
        Reply::Body(self.encode_typed(output).into())
    }

    /// Encodes an answer of `shape`: of the query protocol, what belongs into [`query::Envelope`]'s envelope.
    #[must_use]
    pub fn encode(self, shape: &Shape, value: &Value) -> Vec<u8> {
        match self {
            Self::Json10 | Self::Json11 | Self::QueryJson => json::encode(shape, value),
            Self::Cbor11 => cbor::encode(Dialect::Cbor11, shape, value),
            Self::RpcV2Cbor => cbor::encode(Dialect::RpcV2, shape, value),
            Self::QueryXml => query::encode(shape, value),
        }
    }

    /// The body of an error answer: `__type`, the message where there is one, and what members it has besides. The query
    /// protocol has an envelope instead, [`query::Envelope`].
    #[must_use]
    pub fn error_body(self, error: &ApiError) -> Vec<u8> {
        let entries = [
            ("__type", error.code.as_ref()),
            (error.message_key(), error.message.as_str()),
        ];
        let entries = if error.message.is_empty() {
            &entries[..1]
        } else {
            &entries[..]
        };
        let entries = entries.iter().copied();
        match self {
            // No service that speaks it has errors with members of their own.
            Self::RpcV2Cbor => cbor::encode_texts(Dialect::RpcV2, entries),
            Self::Json10 | Self::Json11 | Self::QueryXml | Self::QueryJson => {
                let mut out = vec![b'{'];
                for (i, (name, text)) in entries.enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    json::quote(name, &mut out);
                    out.push(b':');
                    json::quote(text, &mut out);
                }
                // `{}` has no members to add.
                if let Some(members) = error
                    .members
                    .strip_prefix(b"{")
                    .filter(|members| members.len() > 1)
                {
                    out.push(b',');
                    out.extend_from_slice(members);
                } else {
                    out.push(b'}');
                }
                out
            }
            Self::Cbor11 => {
                let mut out = cbor::encode_texts(Dialect::Cbor11, entries);
                // Both are maps without a length: the second goes on where the first ends.
                if let Some(members) = error.members.get(1..) {
                    out.pop();
                    out.extend_from_slice(members);
                }
                out
            }
        }
    }
}

/// Roughly how long a value becomes, in bytes, so that its buffer seldom grows.
pub(crate) fn size_hint(value: &Value) -> usize {
    match value {
        Value::Struct(Fields(slots)) => 2 + slots.iter().flatten().map(|v| 24 + size_hint(v)).sum::<usize>(),
        Value::List(items) => 2 + items.iter().map(|v| 1 + size_hint(v)).sum::<usize>(),
        Value::Map(entries) => {
            2 + entries
                .iter()
                .map(|(k, v)| 4 + k.len() + size_hint(v))
                .sum::<usize>()
        }
        Value::String(text) => 2 + text.len(),
        Value::Blob(bytes) => 6 + bytes.len().div_ceil(3) * 4,
        Value::Integer(_) | Value::Double(_) | Value::Boolean(_) | Value::Timestamp(_) => 16,
    }
}

/// Counts the values of one body, so that a small body cannot ask for much memory.
pub(crate) struct Slots(usize);

impl Slots {
    pub(crate) const fn new() -> Self {
        Self(VALUE_SLOTS_MAX)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(count).ok_or_else(Fault::too_many_values)?;
        Ok(())
    }
}

/// Finds a member by its wire name, looking first at `hint`: clients write members in the model's order.
pub(crate) fn member_index(
    members: &'static [Member],
    wire: &str,
    hint: usize,
    eligible: impl Fn(&Member) -> bool,
) -> Option<(usize, &'static Member)> {
    let found = |m: &&'static Member| m.wire == wire && eligible(m);
    if let Some(member) = members.get(hint).filter(found) {
        return Some((hint, member));
    }
    members.iter().enumerate().find(|(_, m)| found(m))
}

/// Keeps the last entry of each key, where it stood.
pub(crate) fn last_wins(mut entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let last: HashMap<&str, usize> = entries
        .iter()
        .enumerate()
        .map(|(i, (key, _))| (key.as_str(), i))
        .collect();
    if last.len() == entries.len() {
        return entries;
    }
    let keep: Vec<bool> = entries
        .iter()
        .enumerate()
        .map(|(i, (key, _))| last.get(key.as_str()) == Some(&i))
        .collect();
    let mut keep = keep.into_iter();
    entries.retain(|_| keep.next().unwrap_or(false));
    entries
}

/// A union must have exactly one member (Smithy 2.0, "union").
pub(crate) fn check_union(union: bool, fields: &Fields) -> Result<(), Fault> {
    let set = fields.0.iter().flatten().count();
    if union && set != 1 {
        return Err(Fault::new(format!(
            "Exactly one member of a union must be set, but found: {set}"
        )));
    }
    Ok(())
}

/// A member's name as coral's messages write it.
pub(crate) fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_told_apart() {
        assert_eq!(
            Codec::of_content_type("application/x-amz-json-1.1"),
            Some(Codec::Json11)
        );
        assert_eq!(
            Codec::of_content_type("Application/X-AMZ-CBOR-1.1; charset=utf-8"),
            Some(Codec::Cbor11)
        );
        assert_eq!(Codec::of_content_type("application/json"), None);
        assert_eq!(Codec::of_content_type(""), None);
    }

    #[test]
    fn error_bodies_are_aws_s() {
        let json = |e: &ApiError| String::from_utf8(Codec::Json11.error_body(e)).unwrap();
        let error = ApiError::client("ResourceNotFoundException", "Stream \"s\" not found.");
        assert_eq!(
            json(&error),
            r#"{"__type":"ResourceNotFoundException","message":"Stream \"s\" not found."}"#
        );
        let error = ApiError::serialization("Expected null");
        assert_eq!(
            json(&error),
            r#"{"__type":"SerializationException","Message":"Expected null"}"#
        );
        assert_eq!(
            json(&ApiError::unknown_operation()),
            r#"{"__type":"UnknownOperationException"}"#
        );
        let error = ApiError::client("a.b#TransactionCanceledException", "m").with_members(r#"{"Item":{}}"#);
        assert_eq!(
            json(&error),
            r#"{"__type":"a.b#TransactionCanceledException","Message":"m","Item":{}}"#
        );
        assert_eq!(
            json(&error.with_members("{}")),
            r#"{"__type":"a.b#TransactionCanceledException","Message":"m"}"#
        );
        let error = ApiError::client("A", "").with_members(&b"\xbf\x61b\x01\xff"[..]);
        assert_eq!(
            Codec::Cbor11.error_body(&error),
            b"\xbf\x66__type\x61A\x61b\x01\xff"
        );
        // Recorded from AWS: an indefinite map with one entry.
        let mut expected = b"\xbf\x66__type\x78\x19UnknownOperationException".to_vec();
        expected.push(0xff);
        assert_eq!(Codec::Cbor11.error_body(&ApiError::unknown_operation()), expected);
    }

    #[test]
    fn the_last_of_equal_keys_stays() {
        let entry = |k: &str, n| (k.to_owned(), Value::Integer(n));
        let kept = last_wins(vec![entry("a", 1), entry("b", 2), entry("a", 3)]);
        assert_eq!(kept, vec![entry("b", 2), entry("a", 3)]);
    }
}

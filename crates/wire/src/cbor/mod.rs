//! CBOR 1.1 bodies (`application/x-amz-cbor-1.1`) as AWS's Java SDKs write and read them.
//!
//! RFC 8949 with one deliberate breach that every SDK shares: a timestamp is tag 1 around an integer number of
//! *milliseconds*. Written are indefinite maps and lists, byte strings for blobs and definite texts; read is every
//! well-formed encoding: definite and indefinite items, all float widths, untagged milliseconds, tag 1 around a
//! float of seconds, base64 texts for blobs. Unknown members are skipped with whatever they hold. A blob is a slice
//! of the body, not a copy. Bounds are those of [`json`](crate::json).

mod decode;
mod encode;
mod reader;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use millrace_api::{Shape, Value};

use crate::ApiError;

/// Decodes a body as `shape`. Constraints are not looked at; see [`validate`](mod@crate::validate).
///
/// # Errors
/// `SerializationException`; `ValidationException` for a null inside a list.
pub fn decode(shape: &'static Shape, body: &Bytes) -> Result<Value, ApiError> {
    decode::decode(shape, body).map_err(ApiError::from)
}

/// Encodes a value of `shape`.
#[must_use]
pub fn encode(shape: &Shape, value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(crate::codec::size_hint(value));
    encode_into(shape, value, &mut out);
    out
}

/// Encodes a value of `shape` at the end of `out`.
pub fn encode_into(shape: &Shape, value: &Value, out: &mut Vec<u8>) {
    encode::write(shape, value, out);
}

/// A map of texts.
pub(crate) fn encode_texts<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = vec![encode::MAP];
    for (name, text) in entries {
        encode::text(name, &mut out);
        encode::text(text, &mut out);
    }
    out.push(encode::BREAK);
    out
}

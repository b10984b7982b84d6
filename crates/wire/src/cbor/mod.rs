//! CBOR bodies, in the two forms that AWS has.
//!
//! RFC 8949 both. [`Dialect::Cbor11`] (`application/x-amz-cbor-1.1`) is what the Java SDKs write and read, with one
//! deliberate breach that every SDK shares: a timestamp is tag 1 around an integer number of *milliseconds*; written
//! are indefinite maps and lists. [`Dialect::RpcV2`] (`application/cbor`, Smithy RPC v2 CBOR) has *seconds* there, an
//! integer or a float, as the RFC says; written are definite maps and lists. Read is every well-formed encoding:
//! definite and indefinite items, all float widths, untagged times, base64 texts for blobs. Unknown members are skipped
//! with whatever they hold. A blob is a slice of the body, not a copy. Bounds are those of [`json`](crate::json).

mod decode;
mod encode;
mod reader;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use millrace_api::{Shape, Value};

use crate::ApiError;

/// Which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `application/x-amz-cbor-1.1`
    Cbor11,
    /// `application/cbor` of `smithy-protocol: rpc-v2-cbor`
    RpcV2,
}

/// Decodes a body as `shape`. Constraints are not looked at; see [`validate`](mod@crate::validate).
///
/// # Errors
/// `SerializationException`; `ValidationException` for a null inside a list.
pub fn decode(dialect: Dialect, shape: &'static Shape, body: &Bytes) -> Result<Value, ApiError> {
    decode::decode(dialect, shape, body).map_err(ApiError::from)
}

/// Encodes a value of `shape`.
#[must_use]
pub fn encode(dialect: Dialect, shape: &Shape, value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(crate::codec::size_hint(value));
    encode::Writer::new(dialect, &mut out).value(shape, value);
    out
}

/// A map of texts.
pub(crate) fn encode_texts<'a>(
    dialect: Dialect,
    entries: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = encode::Writer::new(dialect, &mut out);
    writer.begin_map(entries.len());
    for (name, text) in entries {
        writer.text(name);
        writer.text(text);
    }
    writer.end();
    out
}

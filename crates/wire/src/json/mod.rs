//! JSON bodies, decoded and encoded along a shape's table, without an intermediate tree.
//!
//! Decoding is strict where RFC 8259 is (no comments, no trailing bytes, no control characters in strings, valid
//! UTF-8) and lenient where AWS is: unknown members are skipped, null is absent, the last of equal names wins,
//! numbers are floored and clamped for integers. An empty body is refused, as AWS does, even where no member is
//! required. Bounds: [`DEPTH_MAX`](crate::limits::DEPTH_MAX) and
//! [`VALUE_SLOTS_MAX`](crate::limits::VALUE_SLOTS_MAX).

mod decode;
mod encode;
pub(crate) mod reader;
#[cfg(test)]
mod tests;

use millrace_api::{Shape, Value};

use crate::ApiError;

pub use encode::{is_plain, quote, quoted_len};

/// Decodes a body as `shape`. Constraints are not looked at; see [`validate`](mod@crate::validate).
///
/// # Errors
/// `SerializationException` in AWS's words; `ValidationException` for a null inside a list.
pub fn decode(shape: &'static Shape, body: &[u8]) -> Result<Value, ApiError> {
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

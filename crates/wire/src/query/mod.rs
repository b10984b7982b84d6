//! The query protocol: a form in, XML out (or JSON, where the client accepts nothing else).
//!
//! ```text
//! Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Value=1
//!
//! <GetCallerIdentityResponse xmlns="…">
//!   <GetCallerIdentityResult><Account>…</Account></GetCallerIdentityResult>
//!   <ResponseMetadata><RequestId>…</RequestId></ResponseMetadata>
//! </GetCallerIdentityResponse>
//! ```
//! Names are paths: a member of a structure, `member.N` (or `N` alone) for elements of lists, `entry.N.key` and
//! `entry.N.value` for maps. Times are ISO 8601, bytes base64 (Smithy, `aws.protocols#awsQuery`). [`decode`] and
//! [`encode`] do what stands in the form and in the result; [`Envelope`] puts an answer around it, with error codes
//! that have other names in this protocol than in the JSON ones ([`code`]). Bounds are those of [`json`](crate::json)
//! and [`FORM_NODES_MAX`](crate::limits::FORM_NODES_MAX).

mod codes;
mod decode;
mod encode;
mod envelope;
mod form;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use millrace_api::{Shape, Value};

use crate::ApiError;

pub use codes::code;
pub use envelope::{Envelope, error_header};
pub use form::parameter;

/// Decodes a form as `shape`. Constraints are not looked at; see [`validate`](mod@crate::validate). Parameters that the
/// shape does not have, `Action` and `Version` among them, are passed over.
///
/// # Errors
/// `SerializationException`, which is `MalformedInput` in this protocol.
pub fn decode(shape: &'static Shape, form: &Bytes) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(form).map_err(|_| ApiError::serialization("The form is not UTF-8"))?;
    decode::decode(shape, text)
}

/// Encodes the members of a structure in XML, without an element around them.
#[must_use]
pub fn encode(shape: &Shape, value: &Value) -> Vec<u8> {
    let mut out = String::with_capacity(crate::codec::size_hint(value));
    encode::members(shape, value, &mut out);
    out.into_bytes()
}

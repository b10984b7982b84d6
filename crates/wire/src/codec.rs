//! The body formats of the RPC protocols, behind one choice.

use bytes::Bytes;
use millrace_api::{Shape, Typed, Value};

use crate::ApiError;

/// A body format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// `application/x-amz-json-1.0`
    Json10,
    /// `application/x-amz-json-1.1`
    Json11,
    /// `application/x-amz-cbor-1.1`
    Cbor11,
}

impl Codec {
    /// The format of a `Content-Type`, parameters ignored.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        [Self::Json10, Self::Json11, Self::Cbor11].into_iter().find(|c| media.eq_ignore_ascii_case(c.content_type()))
    }

    /// The `Content-Type` it answers with.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Cbor11 => "application/x-amz-cbor-1.1",
        }
    }

    /// Decodes a body as `shape`.
    ///
    /// # Errors
    /// `SerializationException` in AWS's words.
    pub fn decode(self, shape: &'static Shape, body: &Bytes) -> Result<Value, ApiError> {
        let _ = (shape, body);
        todo!()
    }

    /// Decodes a body, holds it against every constraint and makes it typed.
    ///
    /// # Errors
    /// `SerializationException` or `ValidationException` in AWS's words.
    pub fn request<T: Typed>(self, shape: &'static Shape, body: &Bytes) -> Result<T, ApiError> {
        let _ = (shape, body);
        todo!()
    }

    /// Encodes an answer of `shape`.
    #[must_use]
    pub fn encode(self, shape: &'static Shape, value: &Value) -> Vec<u8> {
        let _ = (shape, value);
        todo!()
    }

    /// The body of an error answer.
    #[must_use]
    pub fn error_body(self, error: &ApiError) -> Vec<u8> {
        let _ = error;
        todo!()
    }
}

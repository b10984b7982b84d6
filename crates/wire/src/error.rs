//! An error as a client sees it.

use std::borrow::Cow;

use bytes::Bytes;

/// The code of a body that does not decode.
pub const SERIALIZATION: &str = "SerializationException";
/// The code of a body that decodes but breaks a constraint.
pub const VALIDATION: &str = "ValidationException";
/// The code of an operation nobody knows.
pub const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// An error answer: a code of the API model, a status and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The `__type`, such as `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    /// What went wrong, in AWS's words where they are known, and what to do. Empty where AWS says nothing; then
    /// the body has no message member either.
    pub message: String,
    /// HTTP status.
    pub status: u16,
    /// More members of the body: a structure, encoded in the format of the call. Empty for none.
    pub members: Bytes,
}

impl ApiError {
    /// A mistake of the client, HTTP 400.
    pub fn client(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: 400,
            members: Bytes::new(),
        }
    }

    /// A fault of the server, HTTP 500: `InternalFailure`.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed("InternalFailure"),
            message: message.into(),
            status: 500,
            members: Bytes::new(),
        }
    }

    /// A body that does not decode, HTTP 400.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::client(SERIALIZATION, message)
    }

    /// A message that breaks a constraint, HTTP 400.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::client(VALIDATION, message)
    }

    /// An operation the service does not have, HTTP 400; AWS answers it without a message.
    #[must_use]
    pub fn unknown_operation() -> Self {
        Self::client(UNKNOWN_OPERATION, "")
    }

    /// The same with another status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with more members in its body: a structure that [`Codec::encode`](crate::Codec::encode) wrote, of the
    /// same format as the call.
    #[must_use]
    pub fn with_members(mut self, structure: impl Into<Bytes>) -> Self {
        self.members = structure.into();
        self
    }

    /// Name of the message member in JSON and CBOR bodies: `Message` for a `SerializationException` and a
    /// `TransactionCanceledException`, else `message`, as AWS writes them.
    #[must_use]
    pub fn message_key(&self) -> &'static str {
        match self.short_code() {
            SERIALIZATION | "TransactionCanceledException" => "Message",
            _ => "message",
        }
    }

    /// The code without a namespace, as the `x-amzn-ErrorType` header carries it.
    #[must_use]
    pub fn short_code(&self) -> &str {
        self.code.rsplit('#').next().unwrap_or(&self.code)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

//! An error as a client sees it.

use std::borrow::Cow;

/// An error answer: a code of the API model, a status and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The `__type`, such as `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    /// What went wrong, in AWS's words where they are known, and what to do.
    pub message: String,
    /// HTTP status.
    pub status: u16,
}

impl ApiError {
    /// A mistake of the client, HTTP 400.
    pub fn client(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400 }
    }

    /// A fault of the server, HTTP 500: `InternalFailure`.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed("InternalFailure"), message: message.into(), status: 500 }
    }

    /// The same with another status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

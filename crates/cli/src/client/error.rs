//! Why a call has no answer.

use millrace_http::Unreachable;

/// What went wrong, by what the user would do differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// There is no connection, or it broke.
    #[error(
        "cannot reach {endpoint}: {detail}; is the server running? start one with 'millrace serve', or name another with --endpoint"
    )]
    Unreachable {
        /// Where.
        endpoint: String,
        /// The operating system's or TLS's words.
        detail: String,
    },
    /// The server took too long.
    #[error("{operation} had no answer after {seconds} s")]
    Timeout {
        /// Which call.
        operation: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The server answered with an error.
    #[error("{operation}: {message} ({code}, request {request_id})")]
    Api {
        /// Which call.
        operation: &'static str,
        /// The error's code.
        code: String,
        /// Its message.
        message: String,
        /// The HTTP status.
        status: u16,
        /// The request's id, for the server's log; `-` where the answer has none.
        request_id: String,
    },
    /// The answer is none of this API.
    #[error(
        "the answer to {operation} cannot be understood: {detail}; does a Kinesis-compatible server listen there?"
    )]
    Malformed {
        /// Which call.
        operation: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The request cannot be made.
    #[error("{operation} cannot be sent: {detail}")]
    Request {
        /// Which call.
        operation: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl From<Unreachable> for CallError {
    fn from(Unreachable { endpoint, detail }: Unreachable) -> Self {
        Self::Unreachable { endpoint, detail }
    }
}

impl CallError {
    /// The error code, where the server answered with one.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Api { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether the same call may succeed soon.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Api { status, code, .. } => *status >= 500 || is_throttle(code),
            Self::Malformed { .. } | Self::Request { .. } => false,
        }
    }
}

/// Whether an error code asks to slow down.
pub(crate) fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "KMSThrottlingException"
            | "RequestLimitExceeded"
            | "SlowDown"
    )
}

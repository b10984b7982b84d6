//! Everything that can go wrong in CloudWatch, and the one place where it becomes an answer.
//!
//! Codes are those of the query protocol; the edge knows the names they have in the others. Messages are the published
//! service's own where they are known.

use millrace_blob::BlobError;
use millrace_log::LogError;
use millrace_wire::ApiError;

use super::limits::RECORD_BYTES_MAX;
use super::state::Full;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CloudwatchError {
    /// A value is wrong; the sentence says which.
    #[error("{0}")]
    InvalidValue(String),
    /// Parameters do not go together; the sentence says which.
    #[error("{0}")]
    InvalidCombination(String),
    /// A parameter is missing; the sentence says which.
    #[error("{0}")]
    Missing(String),
    /// What GetMetricData says of everything that is wrong with its queries.
    #[error("{0}")]
    Validation(String),
    /// The token is of another listing, or none at all.
    #[error("The NextToken is invalid: it belongs to another request. Start again without it.")]
    InvalidNextToken,
    /// A call's data are too many.
    #[error(
        "The data of one PutMetricData take {0} bytes here, more than {RECORD_BYTES_MAX}: send fewer at once."
    )]
    TooLarge(usize),
    /// There is no room for another metric.
    #[error("{}", full(*.0))]
    Full(Full),
    /// The operation is part of the API and not built yet.
    #[error("The operation {0} is not supported by this version of Millrace yet.")]
    NotBuilt(&'static str),
    /// The service is stopping.
    #[error("CloudWatch is stopping. Retry.")]
    Stopped,
    /// The body was refused.
    #[error(transparent)]
    Wire(#[from] ApiError),
    /// The log engine failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

fn full(full: Full) -> &'static str {
    match full {
        Full::AccountMetrics => {
            "This account has as many metrics in this region as Millrace keeps. A metric without data is forgotten \
             after 24 hours; use fewer dimensions."
        }
        Full::AccountBytes => {
            "The metrics of this account in this region take as much memory as Millrace gives them. New metrics are \
             let in when older data expire; use fewer dimensions."
        }
        Full::Metrics => {
            "Millrace keeps as many metrics as it can. A metric without data is forgotten after 24 hours; use fewer \
             dimensions."
        }
        Full::Bytes => {
            "The metrics of all accounts take as much memory as Millrace gives them. New metrics are let in when \
             older data expire; use fewer dimensions."
        }
    }
}

impl From<CloudwatchError> for ApiError {
    fn from(error: CloudwatchError) -> Self {
        use CloudwatchError as E;
        let code = match &error {
            E::InvalidValue(_) | E::TooLarge(_) => "InvalidParameterValue",
            E::InvalidCombination(_) => "InvalidParameterCombination",
            E::Missing(_) => "MissingParameter",
            E::Validation(_) => millrace_wire::error::VALIDATION,
            E::InvalidNextToken => "InvalidNextToken",
            E::Full(_) => "LimitExceeded",
            E::NotBuilt(_) => millrace_wire::error::UNKNOWN_OPERATION,
            E::Wire(error) => return error.clone(),
            E::Stopped | E::Log(LogError::Overloaded(_)) => {
                return Self::client("ServiceUnavailable", error.to_string()).with_status(503);
            }
            E::Log(_) => {
                tracing::error!(%error, "call failed in the log engine");
                return Self::client("InternalServiceError", "Internal service error. Retry.")
                    .with_status(500);
            }
        };
        Self::client(code, error.to_string())
    }
}

/// Why the service does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log engine failed.
    #[error("CloudWatch cannot start: {0}")]
    Log(#[from] LogError),
    /// The object store failed.
    #[error("CloudWatch cannot start: {0}")]
    Blob(#[from] BlobError),
}

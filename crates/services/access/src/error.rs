//! What goes wrong, in IAM's words (API reference, "Common errors" and those of each operation).

use millrace_control::ControlError;
use millrace_keys::KeyError;
use millrace_wire::ApiError;
use millrace_wire::access::Denied;

/// Why a call is refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AccessError {
    /// Something of that name is there.
    #[error("{0} already exists.")]
    Exists(String),
    /// Nothing of that name is there.
    #[error("{0} cannot be found.")]
    Missing(String),
    /// It is still in use; the sentence says by what.
    #[error("{0}")]
    InUse(String),
    /// A quota is used up; the sentence says which.
    #[error("{0}")]
    LimitExceeded(String),
    /// A policy that is none; the sentence says where and why.
    #[error("{0}")]
    Malformed(String),
    /// A parameter makes no sense; the sentence says what to write.
    #[error("{0}")]
    Invalid(String),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The body was refused, or something else that is said as it is.
    #[error(transparent)]
    Wire(#[from] ApiError),
    /// The key provider did not answer as it should.
    #[error(
        "the secrets of access keys cannot be used: {0}. Check the key provider ([keys] in the configuration)."
    )]
    Keys(String),
}

impl From<ControlError> for AccessError {
    fn from(error: ControlError) -> Self {
        tracing::error!(%error, "call failed in the control plane");
        Self::Wire(ApiError::internal("Internal server error"))
    }
}

impl From<KeyError> for AccessError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error.to_string())
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        let message = error.to_string();
        let (code, status) = match error {
            AccessError::Exists(_) => ("EntityAlreadyExists", 409),
            AccessError::Missing(_) => ("NoSuchEntity", 404),
            AccessError::InUse(_) => ("DeleteConflict", 409),
            AccessError::LimitExceeded(_) => ("LimitExceeded", 409),
            AccessError::Malformed(_) => ("MalformedPolicyDocument", 400),
            AccessError::Invalid(_) => ("ValidationException", 400),
            AccessError::Denied(denied) => return denied.into(),
            AccessError::Wire(wire) => return wire,
            AccessError::Keys(_) => ("ServiceFailure", 500),
        };
        Self::client(code, message).with_status(status)
    }
}

/// Why the service does not open: the key that secrets are sealed with cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub(crate) String);

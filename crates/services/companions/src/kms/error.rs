//! Everything that can go wrong, and the one place where it becomes an answer.

use millrace_keys::KeyError;
use millrace_keys::local::ManageError;
use millrace_wire::ApiError;
use millrace_wire::access::Denied;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// The key cannot be used, or is not there.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key was not changed.
    #[error(transparent)]
    Manage(ManageError),
    /// A parameter is wrong; the sentence says which.
    #[error("{0}")]
    Invalid(String),
    /// An ARN is that of something else than a key.
    #[error("{0} is not a valid key ARN")]
    InvalidArn(String),
    /// A marker is none of this operation's answers.
    #[error("The marker is not one that this operation answered with")]
    InvalidMarker,
    /// The ciphertext was changed, or was made for another context.
    #[error("The ciphertext is not whole, or it was made with another encryption context")]
    InvalidCiphertext,
    /// Another key made the ciphertext.
    #[error("The key ID in the request does not identify a CMK that can perform this operation.")]
    IncorrectKey,
    /// Aliases of AWS are made by the server alone.
    #[error("Aliases that begin with alias/aws/ are made by the server: choose another name")]
    ReservedAlias,
    /// What this server does not have; the sentence says what to do.
    #[error("{0}")]
    Unsupported(String),
    /// Everything is right; nothing was done, as asked.
    #[error("The request would have succeeded, but the DryRun option is set.")]
    DryRun,
    /// The keys are in another key service.
    #[error("The master keys of this server are kept by the KMS at {0}: ask that one")]
    Elsewhere(String),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The body was refused.
    #[error(transparent)]
    Wire(#[from] ApiError),
}

impl From<ManageError> for KmsError {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Key(error) => Self::Key(error),
            other => Self::Manage(other),
        }
    }
}

impl From<KmsError> for ApiError {
    fn from(error: KmsError) -> Self {
        let code = match &error {
            KmsError::Wire(wire) => return wire.clone(),
            KmsError::Denied(denied) => return denied.clone().into(),
            KmsError::Key(key) => code(key),
            KmsError::Manage(ManageError::Key(key)) => code(key),
            KmsError::Manage(ManageError::Exists(_)) => "AlreadyExistsException",
            KmsError::Manage(ManageError::Full(_)) => "LimitExceededException",
            KmsError::Manage(ManageError::Refused(_)) | KmsError::Invalid(_) => "ValidationException",
            KmsError::Manage(ManageError::Io { .. }) => INTERNAL,
            KmsError::InvalidArn(_) => "InvalidArnException",
            KmsError::InvalidMarker => "InvalidMarkerException",
            KmsError::InvalidCiphertext => "InvalidCiphertextException",
            KmsError::IncorrectKey => "IncorrectKeyException",
            KmsError::ReservedAlias => "NotAuthorizedException",
            KmsError::Unsupported(_) | KmsError::Elsewhere(_) => "UnsupportedOperationException",
            KmsError::DryRun => "DryRunOperationException",
        };
        let answer = Self::client(code, error.to_string());
        if code == INTERNAL {
            tracing::error!(%error, "a call of the key service failed");
            return Self {
                message: "The request was rejected because an internal exception occurred. The request can be retried."
                    .to_owned(),
                ..answer.with_status(500)
            };
        }
        answer
    }
}

const INTERNAL: &str = "KMSInternalException";

const fn code(error: &KeyError) -> &'static str {
    match error {
        KeyError::Disabled(_) => "DisabledException",
        KeyError::InvalidState(_) => "KMSInvalidStateException",
        KeyError::AccessDenied(_) => "AccessDeniedException",
        KeyError::NotFound(_) => "NotFoundException",
        KeyError::OptInRequired(_) => "OptInRequired",
        KeyError::Throttled(_) => "ThrottlingException",
        KeyError::Unavailable(_) => INTERNAL,
    }
}

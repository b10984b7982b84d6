//! Why a request is not let in, in AWS's words.

use crate::ApiError;
use crate::limits::ECHO_BYTES_MAX;

/// A refusal of a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Header and query form at once.
    #[error("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")]
    Both,
    /// No signature at all.
    #[error("Missing Authentication Token")]
    Missing,
    /// Parts of the signature are missing or malformed.
    #[error("{0}")]
    Incomplete(String),
    /// No such access key, or a session token that is none.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// A session token that was valid once.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// Scope or time are not acceptable.
    #[error("{0}")]
    Scope(String),
    /// The signature is not the one that the request has under the key.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Missing => "MissingAuthenticationTokenException",
            AuthError::Incomplete(_) => "IncompleteSignatureException",
            AuthError::UnknownKey => "UnrecognizedClientException",
            AuthError::ExpiredToken => "ExpiredTokenException",
            AuthError::Both | AuthError::Scope(_) | AuthError::Mismatch => "InvalidSignatureException",
        };
        Self::client(code, error.to_string())
    }
}

/// As much of a caller's own text as a message repeats.
pub(super) fn clipped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(ECHO_BYTES_MAX / 4))
        .unwrap_or_default()
}

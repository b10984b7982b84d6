//! Error codes that have another name in the query protocol than in the JSON protocols.

use crate::ApiError;

/// Code and HTTP status of an error (API references of STS and CloudWatch, Common Errors).
#[must_use]
pub fn code(error: &ApiError) -> (&str, u16) {
    match error.short_code() {
        "MissingAuthenticationTokenException" => ("MissingAuthenticationToken", 403),
        "UnrecognizedClientException" => ("InvalidClientTokenId", 403),
        "InvalidSignatureException" => ("SignatureDoesNotMatch", 403),
        "IncompleteSignatureException" => ("IncompleteSignature", 400),
        "ExpiredTokenException" | "ExpiredToken" => ("ExpiredToken", 403),
        "AccessDeniedException" => ("AccessDenied", 403),
        "ValidationException" => ("ValidationError", error.status),
        "SerializationException" => ("MalformedInput", error.status),
        "UnknownOperationException" => ("InvalidAction", error.status),
        "ThrottlingException" => ("Throttling", error.status),
        other => (other, error.status),
    }
}

/// Whose fault an error of that status is.
pub(super) const fn side(status: u16) -> &'static str {
    if status < 500 { "Sender" } else { "Receiver" }
}

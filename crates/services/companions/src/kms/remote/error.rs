//! What another key service says when it refuses, and what that means here.

use http::StatusCode;
use millrace_http::Unreachable;
use millrace_keys::KeyError;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// There is no connection, it broke, or it took too long.
    #[error("{0}")]
    Unreachable(String),
    /// The request cannot be made: a setting has what no header can have.
    #[error("the request to the KMS cannot be made: {0}")]
    Request(String),
    /// The service refused it.
    #[error("{message} (KMS {operation}: {code})")]
    Refused {
        operation: &'static str,
        code: String,
        message: String,
        status: u16,
    },
}

impl From<Unreachable> for CallError {
    fn from(error: Unreachable) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl CallError {
    /// Whether the same call may succeed soon.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Request(_) => false,
            Self::Refused { code, status, .. } => is_fault(code, *status) || is_throttle(code, *status),
        }
    }

    /// What it means for whoever wanted `key`.
    pub(super) fn into_key_error(self, key: &str) -> KeyError {
        let sentence = self.to_string();
        let sentence = if sentence.contains(key) {
            sentence
        } else {
            format!("{sentence}, for key {key}")
        };
        let Self::Refused { code, status, .. } = self else {
            return KeyError::Unavailable(sentence);
        };
        match code.as_str() {
            "DisabledException" => KeyError::Disabled(sentence),
            "KMSInvalidStateException" | "InvalidKeyUsageException" => KeyError::InvalidState(sentence),
            "NotFoundException" | "InvalidArnException" | "ValidationException" => {
                KeyError::NotFound(sentence)
            }
            "OptInRequired" | "SubscriptionRequiredException" => KeyError::OptInRequired(sentence),
            _ if is_throttle(&code, status) => KeyError::Throttled(sentence),
            _ if is_denial(&code, status) => KeyError::AccessDenied(sentence),
            _ => KeyError::Unavailable(sentence),
        }
    }
}

/// Credentials that are wrong are a denial, too: the sentence says so.
fn is_denial(code: &str, status: u16) -> bool {
    matches!(
        code,
        "AccessDeniedException"
            | "InvalidCiphertextException"
            | "IncorrectKeyException"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationTokenException"
            | "ExpiredTokenException"
            | "NotAuthorizedException"
    ) || matches!(status, 401 | 403)
}

fn is_throttle(code: &str, status: u16) -> bool {
    let named = matches!(
        code,
        "ThrottlingException"
            | "Throttling"
            | "LimitExceededException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "SlowDown"
    );
    named || status == 429
}

fn is_fault(code: &str, status: u16) -> bool {
    let named = matches!(
        code,
        "KMSInternalException" | "DependencyTimeoutException" | "KeyUnavailableException"
    );
    named || status >= 500
}

/// Reads an error answer.
pub(super) fn refused(operation: &'static str, status: StatusCode, body: &[u8]) -> CallError {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(rename = "__type")]
        code: String,
        #[serde(default, alias = "Message")]
        message: String,
    }
    let read = serde_json::from_slice(body).unwrap_or_else(|_| Body {
        code: format!("HTTP {}", status.as_u16()),
        message: "the answer is none of KMS; does one listen there?".to_owned(),
    });
    CallError::Refused {
        operation,
        // Some services write a namespace before the code.
        code: read.code.rsplit('#').next().unwrap_or_default().to_owned(),
        message: if read.message.is_empty() {
            "refused".to_owned()
        } else {
            read.message
        },
        status: status.as_u16(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(status: u16, body: &str) -> (bool, KeyError) {
        let error = refused("Decrypt", StatusCode::from_u16(status).unwrap(), body.as_bytes());
        (error.is_passing(), error.into_key_error("k"))
    }

    #[test]
    fn errors_keep_their_meaning_and_their_sentence() {
        type Of = fn(String) -> KeyError;
        for (status, code, passing, of) in [
            (400, "DisabledException", false, KeyError::Disabled as Of),
            (400, "KMSInvalidStateException", false, KeyError::InvalidState),
            (
                400,
                "com.amazonaws.kms#NotFoundException",
                false,
                KeyError::NotFound,
            ),
            (400, "AccessDeniedException", false, KeyError::AccessDenied),
            (400, "InvalidCiphertextException", false, KeyError::AccessDenied),
            (400, "UnrecognizedClientException", false, KeyError::AccessDenied),
            (400, "OptInRequired", false, KeyError::OptInRequired),
            (400, "ThrottlingException", true, KeyError::Throttled),
            (400, "LimitExceededException", true, KeyError::Throttled),
            (500, "KMSInternalException", true, KeyError::Unavailable),
            (503, "DependencyTimeoutException", true, KeyError::Unavailable),
            (400, "SomethingNew", false, KeyError::Unavailable),
        ] {
            let body = format!(r#"{{"__type":"{code}","message":"the key k is so"}}"#);
            let short = code.rsplit('#').next().unwrap();
            let sentence = format!("the key k is so (KMS Decrypt: {short})");
            assert_eq!(meant(status, &body), (passing, of(sentence)), "{code}");
        }
    }

    #[test]
    fn what_is_no_answer_of_kms_says_so() {
        let (passing, error) = meant(404, "<html>");
        assert!(
            !passing && error.to_string().contains("does one listen there?"),
            "{error}"
        );
        assert!(meant(502, "").0);
        assert!(matches!(meant(403, "").1, KeyError::AccessDenied(_)));
        assert!(matches!(meant(429, "").1, KeyError::Throttled(_)));
    }
}

//! Finds the signature of a request and takes it apart.

use millrace_base::Timestamp;

use super::error::AuthError;
use super::request::Request;
use super::{ALGORITHM, TERMINATOR, date};
use crate::limits::SIGNED_HEADERS_MAX;

/// Where a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In `Authorization`.
    Header,
    /// In the query; valid for so many seconds.
    Query {
        /// `X-Amz-Expires`.
        expires_s: u64,
    },
}

/// A signature, taken apart but not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The access key that claims to have signed.
    pub access_key: String,
    /// Date of the credential scope, `YYYYMMDD`.
    pub date: String,
    /// Region of the credential scope.
    pub region: String,
    /// Service of the credential scope.
    pub service: String,
    /// Names of the signed headers, lower case, as listed.
    pub signed_headers: Vec<String>,
    /// The signature in hexadecimal, as sent.
    pub signature: String,
    /// When it was signed, `YYYYMMDDTHHMMSSZ`.
    pub date_time: String,
    /// The same, read.
    pub time: Timestamp,
    /// The session token, where there is one.
    pub token: Option<String>,
    /// Where it stands.
    pub form: Form,
}

impl Signed {
    /// Date, region, service and terminator.
    pub(super) fn scope(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }

    /// Holds the scope against the service that is called.
    ///
    /// # Errors
    /// [`AuthError::Scope`] for another service.
    pub fn check_service(&self, service: &str) -> Result<(), AuthError> {
        if self.service == service {
            return Ok(());
        }
        Err(AuthError::Scope(format!(
            "Credential should be scoped to correct service: '{service}'. "
        )))
    }
}

/// Takes the signature of a request apart.
///
/// # Errors
/// [`AuthError`] when there is none, there are two, or one is malformed.
pub fn locate(request: &Request<'_>) -> Result<Signed, AuthError> {
    let in_query = request.parameter("X-Amz-Algorithm");
    match (request.header("authorization"), in_query) {
        (Some(_), Some(_)) => Err(AuthError::Both),
        (Some(value), None) => in_header(request, &String::from_utf8_lossy(value)),
        (None, Some(algorithm)) => from_query(request, &algorithm),
        (None, None) => Err(AuthError::Missing),
    }
}

fn in_header(request: &Request<'_>, authorization: &str) -> Result<Signed, AuthError> {
    let Some(parts) = authorization
        .strip_prefix(ALGORITHM)
        .filter(|rest| rest.starts_with([' ', ',']))
    else {
        return Err(AuthError::Incomplete(format!(
            "Unsupported AWS 'algorithm': '{}', only {ALGORITHM} is supported. Authorization={}",
            authorization.split(' ').next().unwrap_or_default(),
            without_signature(authorization)
        )));
    };
    let part = |name: &str| {
        parts
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .filter(|v| !v.is_empty())
    };
    let date_time = request.text("x-amz-date").or_else(|| request.text("date"));
    let mut missing = String::new();
    for name in ["Credential", "Signature", "SignedHeaders"] {
        if part(name).is_none() {
            missing.push_str(&format!("Authorization header requires '{name}' parameter. "));
        }
    }
    if date_time.is_none() {
        missing.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    let (Some(credential), Some(signature), Some(signed_headers), Some(date_time)) = (
        part("Credential"),
        part("Signature"),
        part("SignedHeaders"),
        date_time,
    ) else {
        return Err(AuthError::Incomplete(format!(
            "{missing}Authorization={}",
            without_signature(authorization)
        )));
    };
    let token = request.text("x-amz-security-token").map(str::to_owned);
    assemble(
        credential,
        signature,
        signed_headers,
        date_time,
        token,
        Form::Header,
    )
}

fn from_query(request: &Request<'_>, algorithm: &str) -> Result<Signed, AuthError> {
    let names = [
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Date",
    ];
    let found = names.map(|name| request.parameter(name).filter(|value| !value.is_empty()));
    let [
        Some(credential),
        Some(signature),
        Some(signed_headers),
        Some(date_time),
    ] = found
    else {
        let missing = names.iter().zip(&found).filter(|(_, value)| value.is_none());
        let missing: String = missing
            .map(|(name, _)| format!("AWS query-string parameters must include '{name}'. "))
            .collect();
        return Err(AuthError::Incomplete(format!(
            "{missing}Re-examine the query-string parameters."
        )));
    };
    if algorithm != ALGORITHM {
        return Err(AuthError::Incomplete(format!(
            "Unsupported AWS 'algorithm': '{algorithm}'."
        )));
    }
    let expires_s = match request.parameter("X-Amz-Expires") {
        // Only S3 requires it; the other services take fifteen minutes.
        None => crate::limits::CLOCK_SKEW_MAX.as_secs(),
        Some(text) => match text.parse() {
            Ok(seconds @ 0..=crate::limits::QUERY_EXPIRES_S_MAX) => seconds,
            _ => {
                return Err(AuthError::Incomplete(format!(
                    "X-Amz-Expires must be a number of seconds between 0 and {}, got '{text}'.",
                    crate::limits::QUERY_EXPIRES_S_MAX
                )));
            }
        },
    };
    let token = request.parameter("X-Amz-Security-Token");
    assemble(
        &credential,
        &signature,
        &signed_headers,
        &date_time,
        token,
        Form::Query { expires_s },
    )
}

fn assemble(
    credential: &str,
    signature: &str,
    signed_headers: &str,
    date_time: &str,
    token: Option<String>,
    form: Form,
) -> Result<Signed, AuthError> {
    let parts: Vec<&str> = credential.split('/').collect();
    // An access key may hold slashes in other implementations; AWS's do not, and so it is five parts.
    let [access_key, day, region, service, terminator] = parts.as_slice() else {
        return Err(AuthError::Incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             '{credential}'"
        )));
    };
    let Some(time) = date::parse(date_time) else {
        return Err(AuthError::Incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{date_time}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )));
    };
    if *terminator != TERMINATOR {
        return Err(AuthError::Scope(format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'. "
        )));
    }
    if date_time.get(..8) != Some(*day) {
        return Err(AuthError::Scope(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{day}' != \
             '{}', from '{date_time}'.",
            date_time.get(..8).unwrap_or_default()
        )));
    }
    let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
    if signed_headers.len() > SIGNED_HEADERS_MAX {
        return Err(AuthError::Incomplete(format!(
            "SignedHeaders lists more than {SIGNED_HEADERS_MAX} headers."
        )));
    }
    Ok(Signed {
        access_key: (*access_key).to_owned(),
        date: (*day).to_owned(),
        region: (*region).to_owned(),
        service: (*service).to_owned(),
        signed_headers,
        signature: signature.to_owned(),
        date_time: date_time.to_owned(),
        time,
        token,
        form,
    })
}

/// The header for an error message: without its signature, and bounded.
fn without_signature(authorization: &str) -> String {
    let kept = authorization.split("Signature=").next().unwrap_or_default();
    kept.trim_end_matches([',', ' '])
        .chars()
        .take(crate::limits::ECHO_BYTES_MAX / 4)
        .collect()
}

//! Finds the signature of a request and takes it apart.

use base64_simd::STANDARD;
use millrace_base::Timestamp;
use ring::digest::{SHA256, digest};

use super::error::{AuthError, clipped};
use super::request::Request;
use super::{ALGORITHM, TERMINATOR, date};
use crate::limits::{CLOCK_SKEW_MAX, QUERY_EXPIRES_S_MAX, SIGNED_HEADERS_MAX};

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

    /// Holds the scope against the region that is served.
    ///
    /// # Errors
    /// [`AuthError::Scope`] for another region.
    pub fn check_region(&self, region: &str) -> Result<(), AuthError> {
        if self.region == region {
            return Ok(());
        }
        Err(AuthError::Scope(format!(
            "Credential should be scoped to a valid region, not '{}'. ",
            clipped(&self.region)
        )))
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

/// Headers that carry a signature. They are not all signed themselves, so that of two it would be anybody's choice which
/// one counts.
const CARRIERS: [&str; 3] = ["authorization", "x-amz-date", "x-amz-security-token"];

fn twice(what: &str, name: &str) -> AuthError {
    AuthError::Incomplete(format!(
        "The request has more than one of the {what} '{name}'; send it once."
    ))
}

/// Takes the signature of a request apart.
///
/// # Errors
/// [`AuthError`] when there is none, there are two, or one is malformed.
pub fn locate(request: &Request<'_>) -> Result<Signed, AuthError> {
    for name in CARRIERS {
        if request.headers.iter().filter(|(n, _)| *n == name).count() > 1 {
            return Err(twice("headers", name));
        }
    }
    let in_query = request.parameter("X-Amz-Algorithm");
    match (request.header("authorization"), in_query) {
        (Some(_), Some(_)) => Err(AuthError::Both),
        (Some(value), None) => in_header(request, &String::from_utf8_lossy(value)),
        (None, Some(algorithm)) => from_query(request, &algorithm),
        (None, None) => Err(AuthError::Missing),
    }
}

fn in_header(request: &Request<'_>, authorization: &str) -> Result<Signed, AuthError> {
    let (algorithm, parts) = authorization
        .trim_start()
        .split_once([' ', ','])
        .unwrap_or((authorization, ""));
    let pairs = || parts.split([',', ' ']).filter(|pair| !pair.is_empty());
    if pairs().any(|pair| !pair.contains('=')) {
        // Often a token of another scheme, which must not appear in anybody's log.
        let hash = STANDARD.encode_to_string(digest(&SHA256, authorization.as_bytes()));
        return Err(AuthError::Incomplete(format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded \
             with Base64): '{hash}'."
        )));
    }
    let names = ["Credential", "Signature", "SignedHeaders"];
    let values =
        |name: &'static str| pairs().filter_map(move |part| part.strip_prefix(name)?.strip_prefix('='));
    if let Some(name) = names.into_iter().find(|name| values(name).count() > 1) {
        return Err(twice("Authorization parameters", name));
    }
    let part = |name: &'static str| values(name).next().filter(|value| !value.is_empty());
    let found = names.map(|name| part(name).ok_or(name));
    let moment = request
        .text("x-amz-date")
        .map(Moment::Iso)
        .or_else(|| request.text("date").map(Moment::Http));
    let ([Ok(credential), Ok(signature), Ok(signed_headers)], Some(moment)) = (found, moment) else {
        let mut missing: String = found
            .iter()
            .filter_map(|part| part.err())
            .map(|name| format!("Authorization header requires '{name}' parameter. "))
            .collect();
        if moment.is_none() {
            missing.push_str(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
            );
        }
        return Err(AuthError::Incomplete(format!(
            "{missing}Authorization={}",
            without_signature(authorization)
        )));
    };
    if algorithm != ALGORITHM {
        return Err(unsupported(algorithm));
    }
    assemble(Parts {
        credential,
        signature,
        signed_headers,
        moment,
        token: request.text("x-amz-security-token").map(str::to_owned),
        form: Form::Header,
    })
}

/// Parameters of a signature in the query; the signature itself is not signed.
const PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
];

fn from_query(request: &Request<'_>, algorithm: &str) -> Result<Signed, AuthError> {
    if let Some(name) = PARAMETERS.into_iter().find(|name| request.parameters(name) > 1) {
        return Err(twice("query parameters", name));
    }
    let names = [
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Date",
    ];
    let found = names.map(|name| request.parameter(name).filter(|value| !value.is_empty()));
    let (
        [
            Some(credential),
            Some(signature),
            Some(signed_headers),
            Some(date_time),
        ],
        false,
    ) = (&found, algorithm.is_empty())
    else {
        let missing = names.iter().zip(&found).filter(|(_, value)| value.is_none());
        let missing: String = algorithm
            .is_empty()
            .then_some("X-Amz-Algorithm")
            .into_iter()
            .chain(missing.map(|(name, _)| *name))
            .map(|name| format!("AWS query-string parameters must include '{name}'. "))
            .collect();
        return Err(AuthError::Incomplete(format!(
            "{missing}Re-examine the query-string parameters."
        )));
    };
    if algorithm != ALGORITHM {
        return Err(unsupported(algorithm));
    }
    assemble(Parts {
        credential,
        signature,
        signed_headers,
        moment: Moment::Iso(date_time),
        token: request.parameter("X-Amz-Security-Token"),
        form: Form::Query {
            expires_s: expires(request)?,
        },
    })
}

fn expires(request: &Request<'_>) -> Result<u64, AuthError> {
    let Some(text) = request.parameter("X-Amz-Expires") else {
        // Only S3 requires it; the other services take fifteen minutes.
        return Ok(CLOCK_SKEW_MAX.as_secs());
    };
    match text.parse() {
        Ok(seconds @ 0..=QUERY_EXPIRES_S_MAX) => Ok(seconds),
        _ => Err(AuthError::Incomplete(format!(
            "X-Amz-Expires must be a number of seconds between 0 and {QUERY_EXPIRES_S_MAX}, got '{}'.",
            clipped(&text)
        ))),
    }
}

fn unsupported(algorithm: &str) -> AuthError {
    AuthError::Incomplete(format!("Unsupported AWS 'algorithm': '{}'.", clipped(algorithm)))
}

/// What both forms come to.
struct Parts<'a> {
    credential: &'a str,
    signature: &'a str,
    signed_headers: &'a str,
    moment: Moment<'a>,
    token: Option<String>,
    form: Form,
}

/// When it was signed, as it was written.
#[derive(Clone, Copy)]
enum Moment<'a> {
    /// As SigV4 writes it.
    Iso(&'a str),
    /// In a `Date` header, which may have either format.
    Http(&'a str),
}

impl Moment<'_> {
    fn read(self) -> Result<Timestamp, AuthError> {
        let (text, time) = match self {
            Self::Iso(text) => (text, date::parse(text)),
            Self::Http(text) => (text, date::parse(text).or_else(|| date::parse_http(text))),
        };
        time.ok_or_else(|| {
            AuthError::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                clipped(text)
            ))
        })
    }
}

fn assemble(parts: Parts<'_>) -> Result<Signed, AuthError> {
    let elements: Vec<&str> = parts.credential.splitn(6, '/').collect();
    let [access_key, day, region, service, terminator] = elements.as_slice() else {
        return Err(AuthError::Incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             '{}'",
            clipped(parts.credential)
        )));
    };
    let time = parts.moment.read()?;
    let date_time = date::format(time);
    check_scope(terminator, day, &date_time)?;
    let signed_headers: Vec<String> = parts
        .signed_headers
        .split(';')
        .take(SIGNED_HEADERS_MAX + 1)
        .map(str::to_ascii_lowercase)
        .collect();
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
        signature: parts.signature.to_owned(),
        date_time,
        time,
        token: parts.token,
        form: parts.form,
    })
}

/// What a scope must be whatever is called; AWS puts all complaints about one scope behind each other.
fn check_scope(terminator: &str, day: &str, date_time: &str) -> Result<(), AuthError> {
    let mut wrong = String::new();
    if terminator != TERMINATOR {
        wrong = format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'. ",
            clipped(terminator)
        );
    }
    let expected = date_time.get(..8).unwrap_or_default();
    if day != expected {
        wrong.push_str(&format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
             '{expected}', from '{date_time}'.",
            clipped(day)
        ));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(AuthError::Scope(wrong))
    }
}

/// The header for an error message: bounded, and without a signature, which would still be good for minutes.
fn without_signature(authorization: &str) -> &str {
    let kept = authorization.split("Signature=").next().unwrap_or_default();
    clipped(kept.trim_end_matches([',', ' ']))
}

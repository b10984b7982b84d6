//! Any request at all: locating and verifying never panic; a signature that passes does not pass for another method,
//! path, query, body or secret; what is signed verifies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_base::Timestamp;
use millrace_fuzz::Http;
use millrace_wire::ApiError;
use millrace_wire::sigv4::{BodyHash, Identity, Request, Signed, Signing, Verifier, locate, sign};
use ring::digest::{SHA256, digest};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 20150830T123600Z, when the seeds were signed.
const NOW: Timestamp = Timestamp(1_440_938_160_000);

fuzz_target!(|data: &[u8]| {
    let Some(http) = Http::parse(data) else { return };
    let headers = http.header_slices();
    let request = http.request(&headers);
    match locate(&request) {
        Ok(signed) => tampered(&signed, &request, http.body),
        Err(error) => {
            let error = ApiError::from(error);
            assert!(error.status == 400 && !error.message.is_empty(), "{error}");
        }
    }
    signed_verifies(&http);
});

fn verifies(signed: &Signed, request: &Request<'_>, secret: &str, body: &[u8]) -> bool {
    let hash = digest(&SHA256, body).as_ref().try_into().unwrap();
    Verifier::default()
        .verify(signed, request, secret, BodyHash::Sha256(hash), NOW)
        .is_ok()
}

fn tampered(signed: &Signed, request: &Request<'_>, body: &[u8]) {
    assert!(!verifies(signed, request, "another secret", body));
    if !verifies(signed, request, SECRET, body) {
        return;
    }
    let (longer, extended) = ([body, b"x"].concat(), format!("{}&x=1", request.query));
    let (method, path) = (format!("{}X", request.method), format!("{}x", request.path));
    assert!(!verifies(signed, request, SECRET, &longer), "another body passes");
    let others = [
        Request {
            method: &method,
            ..*request
        },
        Request {
            path: &path,
            ..*request
        },
        Request {
            query: &extended,
            ..*request
        },
    ];
    for other in others {
        assert!(!verifies(signed, &other, SECRET, body), "{other:?} passes");
    }
}

/// The request, signed afresh, verifies. Names that signing itself adds are the caller's to leave out.
fn signed_verifies(http: &Http<'_>) {
    const ADDED: [&str; 5] = [
        "authorization",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
        "host",
    ];
    let mut headers: Vec<(&str, &str)> = http
        .headers
        .iter()
        .filter(|(name, _)| !ADDED.contains(&name.as_str()) && name.bytes().all(is_token))
        .filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value).ok()?)))
        .collect();
    headers.push(("host", "127.0.0.1:4567"));
    if http.query.contains("X-Amz-") || http.query.contains('%') || headers.len() > 32 {
        return; // another signature, or a spelling of one
    }
    let identity = Identity {
        access_key: "AKIDEXAMPLE",
        secret_key: SECRET,
        token: None,
    };
    let signing = Signing {
        method: http.method,
        path: http.path,
        query: http.query,
        headers: &headers,
        body: http.body,
        region: "us-east-1",
        service: "kinesis",
        now: NOW,
    };
    let added = sign(&identity, &signing);
    let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
    let sent: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .chain(added)
        .collect();
    let request = http.request(&sent);
    let signed = locate(&request).unwrap();
    assert!(verifies(&signed, &request, SECRET, http.body), "{request:?}");
    tampered(&signed, &request, http.body);
}

/// A character of a header's name (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

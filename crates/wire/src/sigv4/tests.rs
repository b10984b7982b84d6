//! Refusals in their words, sign against verify, and tampering.

use std::time::Duration;

use millrace_base::Timestamp;
use proptest::prelude::*;
use ring::digest::{SHA256, digest};

use super::{AuthError, BodyHash, Identity, Request, Settings, Signing, Verifier, locate, sign};
use crate::ApiError;

const NOW: Timestamp = Timestamp(1_795_378_026_000);

#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn signed(body: &[u8], token: Option<&str>) -> Sent {
    let headers = [
        ("host", "127.0.0.1:4567"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "Kinesis_20131202.ListStreams"),
    ];
    let signing = Signing {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
        body,
        region: "us-east-1",
        service: "kinesis",
        now: NOW,
    };
    let added = sign(
        &Identity {
            access_key: "test",
            secret_key: "secret",
            token,
        },
        &signing,
    );
    let all = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Sent {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: all
            .chain(added.into_iter().map(|(n, v)| (n.to_owned(), v)))
            .collect(),
        body: body.to_vec(),
    }
}

fn verify_at(sent: &Sent, secret: &str, now: Timestamp, verifier: &Verifier) -> Result<(), AuthError> {
    let headers: Vec<(&str, &[u8])> = sent
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()))
        .collect();
    let request = Request {
        method: &sent.method,
        path: &sent.path,
        query: &sent.query,
        headers: &headers,
    };
    let signed = locate(&request)?;
    let hash = digest(&SHA256, &sent.body).as_ref().try_into().unwrap();
    verifier.verify(&signed, &request, secret, BodyHash::Sha256(hash), now)
}

fn verify(sent: &Sent) -> Result<(), AuthError> {
    verify_at(sent, "secret", NOW, &Verifier::default())
}

#[test]
fn what_is_signed_verifies_until_the_clock_runs_out() {
    let sent = signed(b"{}", Some("token"));
    assert_eq!(verify(&sent), Ok(()));
    let verifier = Verifier::default();
    assert!(verify_at(&sent, "secret", NOW.plus(Duration::from_secs(900)), &verifier).is_ok());
    let late = verify_at(&sent, "secret", NOW.plus(Duration::from_secs(901)), &verifier).unwrap_err();
    assert!(
        late.to_string().starts_with("Signature expired: 20261122T"),
        "{late}"
    );
    assert!(late.to_string().ends_with(" - 15 min.)"), "{late}");
    let early = verify_at(&sent, "secret", NOW.minus(Duration::from_secs(901)), &verifier).unwrap_err();
    assert!(
        early.to_string().starts_with("Signature not yet current: "),
        "{early}"
    );
}

#[test]
fn a_signature_stands_once() {
    let good = signed(b"{}", Some("token"));
    for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
        let mut twice = good.clone();
        let again = twice.headers.iter().find(|(n, _)| n == name).unwrap().clone();
        twice.headers.push(again);
        let error = verify(&twice).unwrap_err();
        let words = format!("The request has more than one of the headers '{name}'; send it once.");
        assert_eq!(error, AuthError::Incomplete(words));
    }
    for part in ["Credential=x/1/2/3/4", "Signature=00", "SignedHeaders=host"] {
        let mut twice = good.clone();
        let (_, value) = twice
            .headers
            .iter_mut()
            .find(|(n, _)| n == "authorization")
            .unwrap();
        value.push_str(&format!(", {part}"));
        let error = verify(&twice).unwrap_err().to_string();
        let name = part.split('=').next().unwrap();
        assert_eq!(
            error,
            format!("The request has more than one of the Authorization parameters '{name}'; send it once.")
        );
    }
}

#[test]
fn a_signed_header_cannot_be_taken_away() {
    let headers = [("host", "h"), ("x-empty", "")];
    let signing = Signing {
        method: "GET",
        path: "/",
        query: "",
        headers: &headers,
        body: b"",
        region: "r",
        service: "kinesis",
        now: NOW,
    };
    let identity = Identity {
        access_key: "test",
        secret_key: "secret",
        token: None,
    };
    let added = sign(&identity, &signing)
        .into_iter()
        .map(|(n, v)| (n.to_owned(), v));
    let all = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    let mut sent = Sent {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: all.chain(added).collect(),
        body: Vec::new(),
    };
    assert_eq!(verify(&sent), Ok(()));
    sent.headers.retain(|(name, _)| name != "x-empty");
    assert_eq!(verify(&sent), Err(AuthError::Mismatch));
}

#[test]
fn a_changed_secret_is_not_served_the_old_key() {
    let verifier = Verifier::default();
    let sent = signed(b"{}", None);
    assert_eq!(verify_at(&sent, "secret", NOW, &verifier), Ok(()));
    assert_eq!(
        verify_at(&sent, "changed", NOW, &verifier),
        Err(AuthError::Mismatch)
    );
    assert_eq!(verify_at(&sent, "secret", NOW, &verifier), Ok(()));
}

#[test]
fn authority_may_be_signed_in_place_of_host() {
    let headers = [(":authority", "127.0.0.1:4567"), ("x-amz-target", "T.O")];
    let signing = Signing {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
        body: b"",
        region: "r",
        service: "s",
        now: NOW,
    };
    let added = sign(
        &Identity {
            access_key: "a",
            secret_key: "secret",
            token: None,
        },
        &signing,
    );
    let mut sent = signed(b"", None);
    sent.headers = added.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
    sent.headers.push(("x-amz-target".to_owned(), "T.O".to_owned()));
    sent.headers
        .push((":authority".to_owned(), "127.0.0.1:4567".to_owned()));
    assert_eq!(verify(&sent), Ok(()));
    // The same signature where the server's side calls the header `host`.
    sent.headers.last_mut().unwrap().0 = "host".to_owned();
    assert_eq!(verify(&sent), Ok(()));
}

#[test]
fn refusals_have_their_words() {
    let mut none = signed(b"{}", None);
    none.headers.retain(|(n, _)| n != "authorization");
    let error = ApiError::from(verify(&none).unwrap_err());
    assert_eq!(
        (error.code.as_ref(), error.message.as_str()),
        (
            "MissingAuthenticationTokenException",
            "Missing Authentication Token"
        )
    );

    let mut both = signed(b"{}", None);
    both.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned();
    assert_eq!(verify(&both), Err(AuthError::Both));

    let mut bare = signed(b"{}", None);
    bare.headers.retain(|(n, _)| n != "x-amz-date");
    bare.headers.last_mut().unwrap().1 = "AWS4-HMAC-SHA256 Nothing=1".to_owned();
    let text = verify(&bare).unwrap_err().to_string();
    assert_eq!(
        text,
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a \
         'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 Nothing=1"
    );

    // Parts that are missing come before an algorithm that is not known, a part that is none before both.
    for (header, message) in [
        (
            "AWS5-X Signature=1",
            "Authorization header requires 'Credential' parameter. ",
        ),
        (
            "AWS5-X Credential=a, SignedHeaders=host, Signature=1",
            "Unsupported AWS 'algorithm': 'AWS5-X'.",
        ),
        (
            "Bearer abc",
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with \
             Base64): '",
        ),
    ] {
        let mut other = signed(b"{}", None);
        other.headers.last_mut().unwrap().1 = header.to_owned();
        let error = ApiError::from(verify(&other).unwrap_err());
        assert_eq!(error.code, "IncompleteSignatureException");
        assert!(error.message.starts_with(message), "{error}");
    }

    let mut unsigned = signed(b"{}", None);
    unsigned
        .headers
        .push(("x-amz-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
    assert!(matches!(verify(&unsigned), Err(AuthError::Scope(_))));
    let lenient = Verifier::new(Settings {
        unsigned_payload: true,
        ..Settings::default()
    });
    assert!(
        verify_at(&unsigned, "secret", NOW, &lenient).is_err(),
        "the header itself was not signed"
    );

    let query = Sent {
        query: "X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned(),
        headers: vec![],
        ..none
    };
    let text = verify(&query).unwrap_err().to_string();
    assert!(
        text.ends_with("Re-examine the query-string parameters."),
        "{text}"
    );
}

#[test]
fn another_service_is_named() {
    let sent = signed(b"{}", None);
    let headers: Vec<(&str, &[u8])> = sent
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()))
        .collect();
    let located = locate(&Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
    })
    .unwrap();
    assert_eq!(located.check_service("kinesis"), Ok(()));
    assert!(
        located
            .check_service("sts")
            .unwrap_err()
            .to_string()
            .contains("correct service: 'sts'")
    );
}

fn flip(bytes: &mut [u8], at: usize) {
    let at = at % bytes.len();
    bytes[at] ^= 1;
}

proptest! {
    #[test]
    fn any_tampering_is_refused(body in prop::collection::vec(any::<u8>(), 1..200), at: usize, what in 0..5) {
        let mut sent = signed(&body, None);
        prop_assert_eq!(verify(&sent), Ok(()));
        match what {
            0 => flip(&mut sent.body, at),
            1 => sent.method.push('X'),
            2 => sent.path.push('x'),
            3 => sent.query.push_str("a=b"),
            _ => {
                let header = &mut sent.headers[at % 3].1;
                let mut bytes = header.clone().into_bytes();
                flip(&mut bytes, at);
                *header = String::from_utf8(bytes).unwrap();
            }
        }
        prop_assert!(verify(&sent).is_err());
    }

    #[test]
    fn no_input_panics(
        query in "\\PC{0,200}",
        authorization in "(AWS4-HMAC-SHA256 )?\\PC{0,200}",
        date in "\\PC{0,20}",
    ) {
        let headers: Vec<(&str, &[u8])> =
            vec![("authorization", authorization.as_bytes()), ("x-amz-date", date.as_bytes())];
        let _ = locate(&Request { method: "POST", path: "/", query: &query, headers: &headers });
        let _ = locate(&Request { method: "POST", path: "/", query: &query, headers: &[] });
    }
}

//! Callers and refusals, with requests signed by the wire's own signer.

use http::Request;
use millrace_api::{kinesis, sts};
use millrace_base::Secret;
use millrace_wire::sigv4::{Identity, Signing, sign};
use ring::digest::{SHA256, digest};

use super::*;
use crate::config::Credential;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const BODY: &[u8] = b"{}";

fn authenticator(mode: AuthMode) -> Authenticator {
    let credential = |access_key: &str, account: &str, token: Option<&str>| Credential {
        access_key: access_key.to_owned(),
        secret_key: Secret::new("secret".to_owned()),
        account: account.to_owned(),
        session_token: token.map(|token| Secret::new(token.to_owned())),
    };
    let credentials = vec![
        credential("AKA", "111111111111", None),
        credential("AKB", "222222222222", Some("tok")),
    ];
    Authenticator::new(&AuthConfig { mode, credentials })
}

struct Call {
    key: &'static str,
    secret: &'static str,
    token: Option<&'static str>,
    region: &'static str,
    service: &'static str,
    host: &'static str,
    at: Timestamp,
}

const GOOD: Call = Call {
    key: "AKA",
    secret: "secret",
    token: None,
    region: "eu-west-1",
    service: "kinesis",
    host: "host",
    at: NOW,
};

impl Call {
    fn head(&self) -> Parts {
        let headers = [
            (self.host, "localhost:4567"),
            ("x-amz-target", "Kinesis_20131202.ListStreams"),
        ];
        let identity = Identity {
            access_key: self.key,
            secret_key: self.secret,
            token: self.token,
        };
        let added = sign(
            &identity,
            &Signing {
                method: "POST",
                path: "/",
                query: "",
                headers: &headers,
                body: BODY,
                region: self.region,
                service: self.service,
                now: self.at,
            },
        );
        let mut request = Request::post("/").header("x-amz-target", headers[1].1);
        if self.host == "host" {
            request = request.header("host", headers[0].1);
        } else {
            request = request
                .uri("http://localhost:4567/")
                .version(http::Version::HTTP_2);
        }
        for (name, value) in added {
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }
}

fn hash(body: &[u8]) -> Option<[u8; 32]> {
    Some(digest(&SHA256, body).as_ref().try_into().unwrap())
}

fn outcome(call: &Call, body: &[u8]) -> Result<Caller, ApiError> {
    let service = &kinesis::SERVICE;
    authenticator(AuthMode::Sigv4).authenticate(&call.head(), service, hash(body), (NOW, "r"), None)
}

#[test]
fn a_caller_has_its_key_s_account_and_its_scope_s_region() {
    let caller = outcome(&GOOD, BODY).unwrap();
    assert_eq!(caller.account, "111111111111");
    assert_eq!(
        (caller.region.as_str(), caller.access_key.as_str()),
        ("eu-west-1", "AKA")
    );
    assert_eq!(
        (caller.principal(), caller.request_id.as_str()),
        ("arn:aws:iam::111111111111:root", "r")
    );
    let with_token = Call {
        key: "AKB",
        token: Some("tok"),
        ..GOOD
    };
    assert_eq!(outcome(&with_token, BODY).unwrap().account, "222222222222");
}

#[test]
fn http2_clients_sign_authority_or_host() {
    outcome(
        &Call {
            host: ":authority",
            ..GOOD
        },
        BODY,
    )
    .unwrap();
    let mut head = Call { host: "host", ..GOOD }.head();
    head.headers.remove("host");
    head.uri = "http://localhost:4567/".parse().unwrap();
    head.version = http::Version::HTTP_2;
    authenticator(AuthMode::Sigv4)
        .authenticate(&head, &kinesis::SERVICE, hash(BODY), (NOW, "r"), None)
        .unwrap();
}

#[test]
fn refusals_are_told_apart() {
    let late = Timestamp(NOW.0 + 3_600_000);
    for (name, call, body, code) in [
        (
            "unknown key",
            Call { key: "AKX", ..GOOD },
            BODY,
            "UnrecognizedClientException",
        ),
        (
            "token of nobody",
            Call {
                token: Some("t"),
                ..GOOD
            },
            BODY,
            "UnrecognizedClientException",
        ),
        (
            "no token",
            Call { key: "AKB", ..GOOD },
            BODY,
            "UnrecognizedClientException",
        ),
        (
            "wrong token",
            Call {
                key: "AKB",
                token: Some("x"),
                ..GOOD
            },
            BODY,
            "UnrecognizedClientException",
        ),
        (
            "wrong secret",
            Call { secret: "x", ..GOOD },
            BODY,
            "InvalidSignatureException",
        ),
        ("other body", GOOD, b"{ }", "InvalidSignatureException"),
        (
            "other service",
            Call {
                service: "sts",
                ..GOOD
            },
            BODY,
            "InvalidSignatureException",
        ),
        (
            "late",
            Call { at: late, ..GOOD },
            BODY,
            "InvalidSignatureException",
        ),
        (
            "no region",
            Call {
                region: "Not_A_Region",
                ..GOOD
            },
            BODY,
            "InvalidSignatureException",
        ),
    ] {
        let error = outcome(&call, body).unwrap_err();
        assert_eq!((error.short_code(), error.status), (code, 400), "{name}: {error}");
    }
    let unsigned = Request::post("/").body(()).unwrap().into_parts().0;
    let refused =
        authenticator(AuthMode::Sigv4).authenticate(&unsigned, &kinesis::SERVICE, None, (NOW, "r"), None);
    assert_eq!(
        refused.unwrap_err().short_code(),
        "MissingAuthenticationTokenException"
    );
}

#[test]
fn without_authentication_the_region_is_the_scope_s_or_the_default() {
    let open = authenticator(AuthMode::None);
    assert!(!open.verifies());
    let wrong = Call {
        secret: "x",
        key: "AKX",
        ..GOOD
    };
    let caller = open
        .authenticate(&wrong.head(), &sts::SERVICE, None, (NOW, "r"), None)
        .unwrap();
    assert_eq!(
        (caller.account.as_str(), caller.region.as_str()),
        ("000000000000", "eu-west-1")
    );
    let unsigned = Request::post("/").body(()).unwrap().into_parts().0;
    let caller = open
        .authenticate(&unsigned, &sts::SERVICE, None, (NOW, "r"), None)
        .unwrap();
    assert_eq!(
        (caller.region.as_str(), caller.access_key.as_str()),
        ("us-east-1", "")
    );
}

#[test]
fn a_whole_uri_must_be_of_the_signed_host() {
    let mut head = GOOD.head();
    let host = head.headers[HOST].to_str().unwrap().to_owned();
    let asked = |head: &Parts| {
        authenticator(AuthMode::Sigv4).authenticate(head, &kinesis::SERVICE, hash(BODY), (NOW, "r"), None)
    };
    head.uri = format!("http://{host}/").parse().unwrap();
    assert!(asked(&head).is_ok());
    head.uri = "http://elsewhere/".parse().unwrap();
    assert_eq!(
        asked(&head).unwrap_err().short_code(),
        "InvalidSignatureException"
    );
}

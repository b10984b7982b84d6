//! Requests as real clients signed them (`testdata/clients.json`): each verifies, and [`sign`] makes the same
//! signature.

use millrace_base::Timestamp;
use ring::digest::{SHA256, digest};

use super::{AuthError, BodyHash, Form, Identity, Request, Signing, Verifier, locate, sign};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-11-22T23:56:01Z
const NOW: Timestamp = Timestamp(1_795_391_761_000);

struct Recorded {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn recorded() -> Vec<Recorded> {
    let all: Vec<serde_json::Value> = serde_json::from_str(include_str!("testdata/clients.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let header = |pair: &serde_json::Value| (text(&pair[0]), text(&pair[1]));
    let one = |value: &serde_json::Value| Recorded {
        name: text(&value["name"]),
        method: text(&value["method"]),
        path: text(&value["path"]),
        query: text(&value["query"]),
        headers: value["headers"].as_array().unwrap().iter().map(header).collect(),
        body: text(&value["body"]),
    };
    all.iter().map(one).collect()
}

fn verify(recorded: &Recorded, body: &str) -> Result<Form, AuthError> {
    let headers: Vec<(&str, &[u8])> = recorded
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let request = Request {
        method: &recorded.method,
        path: &recorded.path,
        query: &recorded.query,
        headers: &headers,
    };
    let signed = locate(&request)?;
    let hash = digest(&SHA256, body.as_bytes()).as_ref().try_into().unwrap();
    Verifier::default().verify(&signed, &request, SECRET, BodyHash::Sha256(hash), NOW)?;
    Ok(signed.form)
}

#[test]
fn what_real_clients_send_verifies() {
    let all = recorded();
    assert_eq!(all.len(), 8);
    for recorded in &all {
        let form = verify(recorded, &recorded.body);
        assert!(form.is_ok(), "{}: {form:?}", recorded.name);
        assert_eq!(
            verify(recorded, "another body"),
            Err(AuthError::Mismatch),
            "{}",
            recorded.name
        );
    }
}

#[test]
fn the_same_signature_is_made() {
    for recorded in recorded() {
        let header = |name: &str| {
            let found = recorded.headers.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.as_str())
        };
        let Some(authorization) = header("authorization") else {
            continue;
        };
        let (_, rest) = authorization.split_once("Credential=").unwrap();
        let (credential, rest) = rest.split_once(", SignedHeaders=").unwrap();
        let (signed_headers, _) = rest.split_once(", ").unwrap();
        let scope: Vec<&str> = credential.split('/').collect();
        let headers: Vec<(&str, &str)> = signed_headers
            .split(';')
            .filter(|name| !["x-amz-date", "x-amz-security-token"].contains(name))
            .map(|name| (name, header(name).unwrap()))
            .collect();
        let identity = Identity {
            access_key: scope[0],
            secret_key: SECRET,
            token: header("x-amz-security-token"),
        };
        let signing = Signing {
            method: &recorded.method,
            path: &recorded.path,
            query: &recorded.query,
            headers: &headers,
            body: recorded.body.as_bytes(),
            region: scope[2],
            service: scope[3],
            now: NOW,
        };
        let added = sign(&identity, &signing);
        assert_eq!(
            added.last().unwrap(),
            &("authorization", authorization.to_owned()),
            "{}",
            recorded.name
        );
    }
}

//! One bit changed anywhere in what a signature covers is refused, whatever else is right.

use millrace_base::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use ring::digest::{SHA256, digest};

use super::{AuthError, BodyHash, Identity, Request, Signing, Verifier, locate, sign};

const NOW: Timestamp = Timestamp(1_795_391_761_000);

/// A signed request, taken apart into what can be changed.
#[derive(Clone, Debug)]
struct Sent {
    method: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    secret: Vec<u8>,
}

impl Sent {
    /// `None` where a text is not UTF-8 any more, which no HTTP server hands on.
    fn verify(&self) -> Option<Result<(), AuthError>> {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_slice()))
            .collect();
        let request = Request {
            method: text(&self.method)?,
            path: text(&self.path)?,
            query: text(&self.query)?,
            headers: &headers,
        };
        let secret = text(&self.secret)?;
        let hash = digest(&SHA256, &self.body).as_ref().try_into().unwrap();
        let verify =
            |signed| Verifier::default().verify(&signed, &request, secret, BodyHash::Sha256(hash), NOW);
        Some(locate(&request).and_then(verify))
    }

    /// Everything that is signed, but for the names and the order of headers.
    fn parts(&mut self) -> Vec<&mut Vec<u8>> {
        let Self {
            method,
            path,
            query,
            headers,
            body,
            secret,
        } = self;
        let headers = headers
            .iter_mut()
            .filter(|(name, _)| name != "authorization")
            .map(|(_, value)| value);
        [method, path, query, body, secret]
            .into_iter()
            .chain(headers)
            .collect()
    }
}

prop_compose! {
    fn sent()(
        path in "(/[a-z0-9_~-]{1,8}){1,3}/?",
        query in "([a-z]{1,4}=[a-zA-Z0-9_~-]{1,6}(&[a-z]{1,4}=[a-zA-Z0-9_~-]{0,6}){0,3})?",
        value in "[!-~]{1,10}( [!-~]{1,5})?",
        body in prop::collection::vec(any::<u8>(), 0..64),
        secret in "[a-zA-Z0-9/+]{8,40}",
        token in prop::option::of("[a-zA-Z0-9/+=]{1,30}"),
        hashed: bool,
        authority: bool,
    ) -> Sent {
        let hash = hex::encode(digest(&SHA256, &body));
        let mut headers = vec![
            (if authority { ":authority" } else { "host" }, "127.0.0.1:4567"),
            ("x-amz-target", "Kinesis_20131202.PutRecords"),
            ("x-odd", value.as_str()),
        ];
        if hashed {
            headers.push(("x-amz-content-sha256", &hash));
        }
        let signing = Signing {
            method: "POST", path: &path, query: &query, headers: &headers, body: &body,
            region: "us-east-1", service: "kinesis", now: NOW,
        };
        let identity = Identity { access_key: "AKIDEXAMPLE", secret_key: &secret, token: token.as_deref() };
        let added = sign(&identity, &signing);
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        let added = added.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes()));
        Sent {
            method: b"POST".to_vec(),
            headers: headers.chain(added).collect(),
            path: path.into_bytes(), query: query.into_bytes(), body, secret: secret.into_bytes(),
        }
    }
}

proptest! {
    #[test]
    fn one_bit_anywhere_is_refused(sent in sent(), part: Index, at: Index, bit in 0..8u32) {
        prop_assert_eq!(sent.verify(), Some(Ok(())));
        let mut changed = sent.clone();
        let mut parts = changed.parts();
        let part = part.get_mut(&mut parts);
        if part.is_empty() {
            part.push(1 << bit);
        } else {
            *at.get_mut(part) ^= 1 << bit;
        }
        if let Some(verdict) = changed.verify() {
            prop_assert!(verdict.is_err(), "{:?} passes as {:?}", sent, changed);
        }
    }

    #[test]
    fn one_bit_of_the_signature_is_refused(sent in sent(), at in 0..64usize, bit in 0..7u32) {
        let mut changed = sent;
        let authorization = &mut changed.headers.last_mut().unwrap().1;
        let at = authorization.len() - 64 + at;
        authorization[at] ^= 1 << bit;
        prop_assert!(changed.verify().unwrap().is_err());
    }

    #[test]
    fn a_header_taken_away_or_added_is_refused(sent in sent(), which: Index) {
        let mut fewer = sent.clone();
        fewer.headers.remove(which.index(sent.headers.len()));
        prop_assert!(fewer.verify().unwrap().is_err());
        let mut twice = sent.clone();
        twice.headers.push(("x-odd".to_owned(), b"again".to_vec()));
        prop_assert_eq!(twice.verify(), Some(Err(AuthError::Mismatch)));
        let mut more = sent;
        more.headers.push(("x-amz-more".to_owned(), b"1".to_vec()));
        prop_assert!(matches!(more.verify(), Some(Err(AuthError::Scope(_)))));
    }
}

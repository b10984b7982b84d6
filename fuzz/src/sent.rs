//! A request that is signed, sent and let in – or altered on its way.
//!
//! The form in the query is signed here a second time, apart from the product's own code: plain texts only, put together as
//! the documentation says (AWS General Reference, "Signature Version 4").

use millrace_base::Timestamp;
use millrace_wire::policy::{Context, Decision, Grants, Kind, Policy, Principal, decide};
use millrace_wire::sigv4::{BodyHash, Identity, Request, Signing, Verifier, locate, sign};
use ring::{digest, hmac};

use crate::ask::ACCOUNT;
use crate::http::Http;

/// 20150830T123600Z.
pub const NOW: Timestamp = Timestamp(1_440_938_160_000);
const DATE_TIME: &str = "20150830T123600Z";
/// Life of a signature in the query.
pub const EXPIRES_S: u64 = 600;
/// Where everything is signed for.
pub const REGION: &str = "us-east-1";

/// Somebody with a key.
pub struct Key {
    /// The access key.
    pub id: &'static str,
    secret: &'static str,
    /// The session token of temporary keys.
    pub token: Option<&'static str>,
}

/// A user's lasting key, and the temporary key of a role's session.
pub const KEYS: [Key; 2] = [
    Key {
        id: "AKIAUSER",
        secret: "a secret that no input can guess: 6f1d",
        token: None,
    },
    Key {
        id: "ASIASESSION",
        secret: "another secret that no input can guess: 0c77",
        token: Some("token/of+the=session"),
    },
];

/// A request on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query without `?`.
    pub query: String,
    /// Lower-case names and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Names that signing adds itself, or that carry something else than a plain request has.
const OWN: [&str; 7] = [
    "authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-target",
    "host",
    ":authority",
];

impl Sent {
    /// The request that is described, without a signature. `None` for what a client could not mean: names that are none,
    /// another signature's parameters.
    pub fn plain(http: &Http<'_>) -> Option<Self> {
        let is_token = |name: &str| {
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let headers = http.headers.iter().filter(|(name, value)| {
            !name.is_empty() && is_token(name) && !OWN.contains(&name.as_str()) && value.is_ascii()
        });
        let mut headers: Vec<_> = headers.take(8).cloned().collect();
        let target = http.headers.iter().find(|(name, _)| name == "x-amz-target");
        let target = target.map_or_else(
            || b"Kinesis_20131202.PutRecord".to_vec(),
            |(_, value)| value.clone(),
        );
        headers.push((
            "x-amz-target".to_owned(),
            target.into_iter().filter(u8::is_ascii).collect(),
        ));
        headers.push(("host".to_owned(), b"127.0.0.1:4567".to_vec()));
        let odd = http.query.contains(['%', '+']) || http.query.to_ascii_lowercase().contains("x-amz-");
        (!odd).then(|| Self {
            method: http.method.to_owned(),
            path: http.path.to_owned(),
            query: http.query.to_owned(),
            headers,
            body: http.body.to_vec(),
        })
    }

    /// The value of a header.
    pub fn header(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        self.headers
            .iter_mut()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// Signed in `Authorization`; `None` where there is a header that is no text.
    pub fn signed_in_header(&self, key: &Key) -> Option<Self> {
        let headers: Option<Vec<(&str, &str)>> = self
            .headers
            .iter()
            .map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value).ok()?)))
            .collect();
        let headers = headers?;
        let identity = Identity {
            access_key: key.id,
            secret_key: key.secret,
            token: key.token,
        };
        let signing = Signing {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
            region: REGION,
            service: "kinesis",
            now: NOW,
        };
        let added = sign(&identity, &signing);
        let mut signed = self.clone();
        let added = added
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_bytes()));
        signed.headers.extend(added);
        Some(signed)
    }

    /// Signed in the query, with `host` and `x-amz-target`; `None` for paths and queries that are not plain.
    pub fn signed_in_query(&self, key: &Key) -> Option<Self> {
        let plain = |text: &str, also: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_~".contains(&b) || also.as_bytes().contains(&b))
        };
        let path_ok = self.path.starts_with('/') && plain(&self.path, "/") && !self.path.contains("//");
        if !path_ok || !plain(&self.query, "=&") || self.query.contains("==") {
            return None;
        }
        let target = self.headers.iter().find(|(name, _)| name == "x-amz-target")?;
        let target = std::str::from_utf8(&target.1).ok()?;
        let folded = target
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let scope = format!("{}/{REGION}/kinesis/aws4_request", &DATE_TIME[..8]);
        let mut pairs: Vec<(String, String)> = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.replace('=', "%3D")))
            .collect();
        let mut own = vec![
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            (
                "X-Amz-Credential",
                format!("{}/{scope}", key.id).replace('/', "%2F"),
            ),
            ("X-Amz-Date", DATE_TIME.to_owned()),
            ("X-Amz-Expires", EXPIRES_S.to_string()),
            ("X-Amz-SignedHeaders", "host%3Bx-amz-target".to_owned()),
        ];
        let token = key
            .token
            .map(|token| token.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"));
        own.extend(token.map(|token| ("X-Amz-Security-Token", token)));
        pairs.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
        pairs.sort();
        let query = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&");
        let hash = |bytes: &[u8]| hex(digest::digest(&digest::SHA256, bytes).as_ref());
        let (method, path, body) = (&self.method, &self.path, hash(&self.body));
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:127.0.0.1:4567\nx-amz-target:{folded}\n\nhost;x-amz-target\n{body}"
        );
        let text = format!(
            "AWS4-HMAC-SHA256\n{DATE_TIME}\n{scope}\n{}",
            hash(canonical.as_bytes())
        );
        let mut derived = format!("AWS4{}", key.secret).into_bytes();
        for step in scope.split('/').chain([text.as_str()]) {
            let step = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &derived), step.as_bytes());
            derived = step.as_ref().to_vec();
        }
        let mut signed = self.clone();
        // Only these two are signed; any other x-amz- header would have to be.
        signed
            .headers
            .retain(|(name, _)| !name.starts_with("x-amz-") || name == "x-amz-target");
        signed.query = format!("{query}&X-Amz-Signature={}", hex(&derived));
        Some(signed)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who is let in, and who is but may not do what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is good and the policy allows.
    Allowed,
    /// The signature is good and the policy does not allow.
    Forbidden,
    /// The signature is not good.
    Unknown,
}

/// The way of a request from its signature to its permission, as the server goes it.
pub struct Gate {
    verifier: Verifier,
    policy: Policy,
}

impl Default for Gate {
    fn default() -> Self {
        let text = r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "kinesis:Put*", "Resource": "arn:aws:kinesis:*:*:stream/${aws:username, 's'}"},
            {"Effect": "Deny", "Action": "kinesis:*", "Resource": "*",
             "Condition": {"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}}]}"#;
        Self {
            verifier: Verifier::default(),
            policy: Policy::parse(text, Kind::Identity).unwrap(),
        }
    }
}

impl Gate {
    /// Locates, looks up, verifies and decides.
    pub fn judge(&self, sent: &Sent, now: Timestamp) -> Verdict {
        let headers: Vec<(&str, &[u8])> = sent
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_slice()))
            .collect();
        let request = Request {
            method: &sent.method,
            path: &sent.path,
            query: &sent.query,
            headers: &headers,
        };
        let Ok(signed) = locate(&request) else {
            return Verdict::Unknown;
        };
        let known = |key: &&Key| key.id == signed.access_key && key.token == signed.token.as_deref();
        let Some(key) = KEYS.iter().find(known) else {
            return Verdict::Unknown;
        };
        let hash = digest::digest(&digest::SHA256, &sent.body)
            .as_ref()
            .try_into()
            .unwrap();
        let verified = self
            .verifier
            .verify(&signed, &request, key.secret, BodyHash::Sha256(hash), now);
        if signed.check_service("kinesis").is_err() || verified.is_err() {
            return Verdict::Unknown;
        }
        self.decide(key, &request)
    }

    fn decide(&self, key: &Key, request: &Request<'_>) -> Verdict {
        let account = ACCOUNT.to_owned();
        let principal = match key.token {
            None => Principal::User {
                account,
                name: "s".to_owned(),
            },
            Some(_) => Principal::AssumedRole {
                account,
                role: "r".to_owned(),
                session: "x".to_owned(),
            },
        };
        let operation = request
            .text("x-amz-target")
            .and_then(|target| target.split_once('.'));
        let action = format!("kinesis:{}", operation.map_or("", |(_, name)| name));
        let context = Context::new().principal(&principal, "aws").current_time(NOW);
        let grants = Grants {
            identity: std::slice::from_ref(&self.policy),
            ..Grants::default()
        };
        let asked = millrace_wire::policy::Request {
            principal: &principal,
            action: &action,
            resource: "arn:aws:kinesis:us-east-1:111122223333:stream/s",
            context: &context,
        };
        match decide(&grants, ACCOUNT, &asked) {
            Decision::Allow => Verdict::Allowed,
            Decision::Deny(_) => Verdict::Forbidden,
        }
    }
}

//! Makes a signature in the header form.

use millrace_base::Timestamp;
use ring::digest::{SHA256, digest};
use ring::hmac;

use super::canonical::string_to_sign;
use super::request::Request;
use super::{ALGORITHM, TERMINATOR, date, keys};

/// Who signs.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The access key.
    pub access_key: &'a str,
    /// Its secret.
    pub secret_key: &'a str,
    /// The session token of temporary credentials.
    pub token: Option<&'a str>,
}

impl std::fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, as it will be sent.
    pub path: &'a str,
    /// The query, as it will be sent, without `?`.
    pub query: &'a str,
    /// Every header to sign, lower-case names; `host` or `:authority` among them, those that signing adds not. Where
    /// `x-amz-content-sha256` is among them its value is signed in place of the body's hash: `UNSIGNED-PAYLOAD`, or
    /// the hash itself, which is then computed once only.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
    /// Region of the scope.
    pub region: &'a str,
    /// Service of the scope.
    pub service: &'a str,
    /// When.
    pub now: Timestamp,
}

/// Signs; gives the headers to add: `x-amz-date`, `x-amz-security-token` where there is a token, `authorization`.
#[must_use]
pub fn sign(identity: &Identity<'_>, signing: &Signing<'_>) -> Vec<(&'static str, String)> {
    let date_time = date::format(signing.now);
    let day = date_time.get(..8).unwrap_or_default();
    let mut added = vec![("x-amz-date", date_time.clone())];
    added.extend(
        identity
            .token
            .map(|token| ("x-amz-security-token", token.to_owned())),
    );
    let headers: Vec<(&str, &[u8])> = signing
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .chain(added.iter().map(|(name, value)| (*name, value.as_bytes())))
        .collect();
    let mut names: Vec<String> = headers.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    names.dedup();
    let request = Request {
        method: signing.method,
        path: signing.path,
        query: signing.query,
        headers: &headers,
    };
    let payload_hash = match request.text("x-amz-content-sha256") {
        Some(claim) => claim.to_owned(),
        None => hex::encode(digest(&SHA256, signing.body)),
    };
    let scope = format!("{day}/{}/{}/{TERMINATOR}", signing.region, signing.service);
    let text = string_to_sign(&request, &names, &payload_hash, &date_time, &scope);
    let key = keys::derive(identity.secret_key, day, signing.region, signing.service);
    let signature = hex::encode(hmac::sign(&key, text.as_bytes()));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
        identity.access_key,
        names.join(";")
    );
    added.push(("authorization", authorization));
    added
}

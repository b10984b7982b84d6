//! Who calls: the signature of a request held against the known credentials.
//!
//! Account comes from the credential, region from the credential scope. Where authentication is off, everybody is
//! [`LOCAL_ACCOUNT`] and the region is that of the scope, if the client signed all the same.

mod store;

use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use millrace_access::{Access, Unknown};
use millrace_api::Service;
use millrace_base::Timestamp;
use millrace_wire::sigv4::{self, AuthError, BodyHash, Verifier};
use millrace_wire::{ApiError, Caller, Identity, Source};

use crate::config::{AuthConfig, AuthMode, LOCAL_ACCOUNT};
use store::{Known, Store};

/// The region of callers that do not sign.
const DEFAULT_REGION: &str = "us-east-1";
/// How HTTP/2 names the host, and how some of its clients sign it.
const AUTHORITY: &str = ":authority";

/// Says who calls.
#[derive(Debug)]
pub(crate) struct Authenticator {
    /// `None` where everybody is let in.
    checks: Option<(Store, Verifier)>,
    /// Who calls where everybody is let in.
    everybody: Arc<Identity>,
}

impl Authenticator {
    pub(crate) fn new(config: &AuthConfig) -> Self {
        let checks = match config.mode {
            AuthMode::None => None,
            AuthMode::Sigv4 => {
                let verifier = Verifier::new(sigv4::Settings::default());
                Some((Store::new(config.effective()), verifier))
            }
        };
        Self {
            checks,
            everybody: Identity::root(LOCAL_ACCOUNT),
        }
    }

    /// Whether it looks at signatures, and so needs a body's hash.
    pub(crate) const fn verifies(&self) -> bool {
        self.checks.is_some()
    }

    /// The service that a request says it is signed for, not verified yet.
    pub(crate) fn signed_for(&self, head: &Parts) -> Option<String> {
        let headers = headers(head);
        let signed = sigv4::locate(&request(head, &headers)).ok()?;
        Some(signed.service)
    }

    /// Who calls `service`, or why it is not let in.
    pub(crate) fn authenticate(
        &self,
        head: &Parts,
        service: &Service,
        sha256: Option<[u8; 32]>,
        (now, request_id): (Timestamp, &str),
        access: Option<&Access>,
    ) -> Result<Caller, ApiError> {
        let headers = headers(head);
        let request = request(head, &headers);
        let caller = |identity: &Arc<Identity>, region: String, access_key: String| Caller {
            account: identity.principal().account().unwrap_or_default().to_owned(),
            region,
            access_key,
            identity: Arc::clone(identity),
            service: service.action_prefix(),
            operation: "",
            source: Source::default(),
            received: now,
            request_id: request_id.to_owned(),
        };
        let Some((store, verifier)) = &self.checks else {
            let signed = sigv4::locate(&request).ok();
            let region = signed
                .map(|signed| signed.region)
                .filter(|region| is_region(region));
            let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
            return Ok(caller(&self.everybody, region, String::new()));
        };
        let signed = sigv4::locate(&request)?;
        if names_two_hosts(head) {
            return Err(AuthError::Mismatch.into());
        }
        let token = signed.token.as_deref();
        let known = match (store.find(&signed.access_key, token), access) {
            (Err(AuthError::UnknownKey), Some(access)) => of_access(access, &signed.access_key, token, now)?,
            (found, _) => found?,
        };
        signed.check_service(service.signing_name)?;
        let body = sha256.map_or(BodyHash::NotComputed, BodyHash::Sha256);
        verifier.verify(&signed, &request, known.secret.expose(), body, now)?;
        if !is_region(&signed.region) {
            let text = "Credential should be scoped to a region such as 'us-east-1'. ";
            return Err(AuthError::Scope(text.to_owned()).into());
        }
        Ok(caller(&known.identity, signed.region, signed.access_key))
    }
}

fn request<'a>(head: &'a Parts, headers: &'a [(&'a str, &'a [u8])]) -> sigv4::Request<'a> {
    sigv4::Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers,
    }
}

/// Whom a key belongs to that is not in the configuration.
fn of_access(access: &Access, key: &str, token: Option<&str>, now: Timestamp) -> Result<Known, AuthError> {
    match access.find(key, token, now) {
        Ok(found) => Ok(Known {
            secret: found.secret,
            identity: found.identity,
        }),
        Err(Unknown::Key) => Err(AuthError::UnknownKey),
        Err(Unknown::Expired) => Err(AuthError::ExpiredToken),
    }
}

/// Whether an HTTP/1.1 request carries a whole URI whose host is not that of its header. The URI takes the header's place
/// (RFC 9112 3.2.2), but it is the header that clients sign: so a signature for one host is none for another.
fn names_two_hosts(head: &Parts) -> bool {
    let (Some(authority), Some(host)) = (head.uri.authority(), head.headers.get(HOST)) else {
        return false;
    };
    head.version != http::Version::HTTP_2
        && !authority
            .as_str()
            .as_bytes()
            .eq_ignore_ascii_case(host.as_bytes())
}

/// Every header, and in HTTP/2 the host under its name there.
fn headers(head: &Parts) -> Vec<(&str, &[u8])> {
    let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(head.headers.len() + 1);
    // HTTP/1.1 may carry a whole URI too, but its host is the header (RFC 9112 3.2.2 lets a server choose; clients
    // sign the header).
    if let Some(authority) = head.uri.authority()
        && (head.version == http::Version::HTTP_2 || !head.headers.contains_key(HOST))
    {
        headers.push((AUTHORITY, authority.as_str().as_bytes()));
    }
    headers.extend(
        head.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes())),
    );
    headers
}

/// A region becomes a part of names and ARNs, so it is a word; which words are regions is the client's business.
fn is_region(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests;

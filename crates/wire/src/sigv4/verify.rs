//! Holds a located signature against the request and the secret.

use std::time::Duration;

use millrace_base::Timestamp;
use ring::hmac;

use super::canonical::string_to_sign;
use super::error::{AuthError, clipped};
use super::keys::Cache;
use super::locate::{Form, Signed};
use super::request::Request;
use super::{UNSIGNED_PAYLOAD, date};
use crate::limits::CLOCK_SKEW_MAX;

/// Headers of this prefix change what a request means: where one is there, it must be signed (IAM User Guide,
/// "Create a signed AWS API request").
const MUST_BE_SIGNED: &str = "x-amz-";
/// But for these. A session token may be added after signing (the published vectors do): it belongs to the key that
/// signed, or is refused with it. CloudFront adds an id on the way, browsers have `user-agent` under another name.
const NEED_NOT_BE_SIGNED: [&str; 3] = ["x-amz-security-token", "x-amz-cf-id", "x-amz-user-agent"];
/// The hash of the body, as the client claims it. Beside a signature in the query it need not be signed: it must be
/// the body's hash in any case, and that is signed.
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// How strict a verifier is.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How far the client's clock may be off, either way.
    pub clock_skew: Duration,
    /// Whether `UNSIGNED-PAYLOAD` is accepted: the body is then not covered.
    pub unsigned_payload: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            clock_skew: CLOCK_SKEW_MAX,
            unsigned_payload: false,
        }
    }
}

/// The SHA-256 of a request's body.
#[derive(Clone, Copy, Debug)]
pub enum BodyHash {
    /// It was computed over the body as it arrived.
    Sha256([u8; 32]),
    /// The body was not hashed; good only where the client does not sign it and that is accepted.
    NotComputed,
}

/// Verifies signatures; remembers derived keys.
#[derive(Debug, Default)]
pub struct Verifier {
    settings: Settings,
    cache: Cache,
}

impl Verifier {
    /// A verifier with an empty cache.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            cache: Cache::default(),
        }
    }

    /// Holds `signed` against `request` under `secret` at the time `now`.
    ///
    /// # Errors
    /// [`AuthError`], in AWS's order: time, headers that must be signed, the signature.
    pub fn verify(
        &self,
        signed: &Signed,
        request: &Request<'_>,
        secret: &str,
        body: BodyHash,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        self.time(signed, now)?;
        headers(signed, request)?;
        let payload_hash = self.payload_hash(request, body)?;
        let scope = signed.scope();
        let text = string_to_sign(
            request,
            &signed.signed_headers,
            &payload_hash,
            &signed.date_time,
            &scope,
        );
        let parts = [signed.date.as_str(), &signed.region, &signed.service];
        let (key, remembered) = self.cache.key(&signed.access_key, secret, parts);
        let claimed = signature(&signed.signature).ok_or(AuthError::Mismatch)?;
        // Compares in constant time.
        hmac::verify(&key, text.as_bytes(), &claimed).map_err(|_| AuthError::Mismatch)?;
        if !remembered {
            self.cache.remember(&signed.access_key, secret, parts, key);
        }
        Ok(())
    }

    fn time(&self, signed: &Signed, now: Timestamp) -> Result<(), AuthError> {
        let skew = self.settings.clock_skew;
        let minutes = skew.as_secs() / 60;
        let (then, shown) = (&signed.date_time, date::format(now));
        let latest = now.plus(skew);
        if signed.time > latest {
            return Err(AuthError::Scope(format!(
                "Signature not yet current: {then} is still later than {} ({shown} + {minutes} min.)",
                date::format(latest)
            )));
        }
        match signed.form {
            Form::Header if signed.time < now.minus(skew) => Err(AuthError::Scope(format!(
                "Signature expired: {then} is now earlier than {} ({shown} - {minutes} min.)",
                date::format(now.minus(skew))
            ))),
            Form::Query { expires_s } if signed.time.plus(Duration::from_secs(expires_s)) < now => {
                let until = date::format(signed.time.plus(Duration::from_secs(expires_s)));
                Err(AuthError::Scope(format!(
                    "Signature expired: {until} is now earlier than {shown}."
                )))
            }
            _ => Ok(()),
        }
    }

    fn payload_hash(&self, request: &Request<'_>, body: BodyHash) -> Result<String, AuthError> {
        let claimed = request.header(CONTENT_SHA256);
        match (claimed, body) {
            (Some(claim), _) if claim == UNSIGNED_PAYLOAD.as_bytes() && self.settings.unsigned_payload => {
                Ok(UNSIGNED_PAYLOAD.to_owned())
            }
            (Some(claim), _) if claim == UNSIGNED_PAYLOAD.as_bytes() || claim.starts_with(b"STREAMING-") => {
                Err(AuthError::Scope(format!(
                    "The payload must be signed as a whole: x-amz-content-sha256 is '{}', expected the SHA-256 of \
                     the body.",
                    clipped(&String::from_utf8_lossy(claim))
                )))
            }
            (_, BodyHash::NotComputed) => Err(AuthError::Mismatch),
            (claim, BodyHash::Sha256(hash)) => {
                let hash = hex::encode(hash);
                match claim {
                    Some(claim) if claim != hash.as_bytes() => Err(AuthError::Mismatch),
                    _ => Ok(hash),
                }
            }
        }
    }
}

/// The bytes of a signature. It is compared as a text, so that there is one spelling of it: 64 digits, lower case.
fn signature(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    text.bytes().all(|b| !b.is_ascii_uppercase()).then_some(bytes)
}

fn headers(signed: &Signed, request: &Request<'_>) -> Result<(), AuthError> {
    let covered = |name: &str| signed.signed_headers.iter().any(|n| n == name);
    if !covered("host") && !covered(":authority") {
        return Err(AuthError::Scope(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    // A header that is absent would count as an empty one, so that one could be taken away.
    if signed
        .signed_headers
        .iter()
        .any(|name| request.header(name).is_none())
    {
        return Err(AuthError::Mismatch);
    }
    let carried_in_query = matches!(signed.form, Form::Query { .. });
    let excused = |name: &str| {
        NEED_NOT_BE_SIGNED.contains(&name) || (carried_in_query && name == CONTENT_SHA256) || covered(name)
    };
    let mut names = request.headers.iter().map(|(name, _)| *name);
    match names.find(|name| name.starts_with(MUST_BE_SIGNED) && !excused(name)) {
        None => Ok(()),
        Some(name) => Err(AuthError::Scope(format!(
            "'{}' must be a 'SignedHeader' in the AWS Authorization.",
            clipped(name)
        ))),
    }
}

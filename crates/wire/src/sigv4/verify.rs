//! Holds a located signature against the request and the secret.

use std::time::Duration;

use millrace_base::Timestamp;
use ring::hmac;

use super::canonical::string_to_sign;
use super::error::AuthError;
use super::keys::Cache;
use super::locate::{Form, Signed};
use super::request::Request;
use super::{UNSIGNED_PAYLOAD, date};
use crate::limits::CLOCK_SKEW_MAX;

/// Headers that change what a request means: where one is there, it must be signed.
const MUST_BE_SIGNED: &[&str] = &["x-amz-target", "x-amz-date", "x-amz-content-sha256"];

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
        let key = self.cache.key(&signed.access_key, secret, parts);
        let claimed = hex::decode(&signed.signature).map_err(|_| AuthError::Mismatch)?;
        // Compares in constant time.
        hmac::verify(&key, text.as_bytes(), &claimed).map_err(|_| AuthError::Mismatch)?;
        self.cache.remember(&signed.access_key, secret, parts, key);
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
        let claimed = request.text("x-amz-content-sha256");
        match (claimed, body) {
            (Some(UNSIGNED_PAYLOAD), _) if self.settings.unsigned_payload => Ok(UNSIGNED_PAYLOAD.to_owned()),
            (Some(other), _) if other == UNSIGNED_PAYLOAD || other.starts_with("STREAMING-") => {
                Err(AuthError::Scope(format!(
                    "The payload must be signed: x-amz-content-sha256 is '{other}', expected the body's SHA-256."
                )))
            }
            (_, BodyHash::NotComputed) => Err(AuthError::Mismatch),
            // A claim that is not the body's hash was either not what was signed or is not what arrived; computing
            // the canonical form with the true hash refuses both.
            (_, BodyHash::Sha256(hash)) => Ok(hex::encode(hash)),
        }
    }
}

fn headers(signed: &Signed, request: &Request<'_>) -> Result<(), AuthError> {
    let covered = |name: &str| signed.signed_headers.iter().any(|n| n == name);
    if !covered("host") && !covered(":authority") {
        return Err(AuthError::Scope(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    let present = |name: &&&str| request.headers.iter().any(|(n, _)| *n == **name);
    let carried_in_query = matches!(signed.form, Form::Query { .. });
    for name in MUST_BE_SIGNED.iter().filter(present) {
        // A presigned URL says what the caller may do; botocore leaves the target of its query form unsigned only
        // where the header is added later, which changes the meaning and is refused here like anywhere else.
        let excused = carried_in_query && **name == *"x-amz-content-sha256";
        if !covered(name) && !excused {
            return Err(AuthError::Scope(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
    }
    Ok(())
}

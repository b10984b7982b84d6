//! AWS Signature Version 4, verified and made, without I/O (AWS General Reference, "Signature Version 4").
//!
//! [`locate`] finds the signature of a request – in `Authorization` or in the query – and [`Verifier`] holds it against
//! the request's canonical form under the caller's secret. [`sign()`] makes one. Refusals come in AWS's order and words:
//! what is malformed first, then an unknown key (the caller's look-up), then scope, time and the signature itself.
//!
//! ```text
//! signature      = HMAC(key, "AWS4-HMAC-SHA256\n" date-time "\n" scope "\n" hex(SHA-256(canonical)))
//! key            = HMAC(HMAC(HMAC(HMAC("AWS4" secret, date), region), service), "aws4_request")
//! canonical      = method "\n" path "\n" query "\n" headers "\n" signed-headers "\n" payload-hash
//! ```
//! Bodies sent in signed chunks (`STREAMING-…`) and signed frames of event streams are refused, each in words: no
//! service here has them yet. They chain on the signature of the request, which [`Signed::signature`] keeps.

mod canonical;
mod date;
mod error;
mod keys;
mod locate;
mod request;
mod sign;
mod verify;

#[cfg(test)]
mod recorded_tests;
#[cfg(test)]
mod suite_tests;
#[cfg(test)]
mod tamper_tests;
#[cfg(test)]
mod tests;

pub use error::AuthError;
pub use locate::{Form, Signed, locate};
pub use request::Request;
pub use sign::{Identity, Signing, sign};
pub use verify::{BodyHash, Settings, Verifier};

/// The only algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Last part of every credential scope.
pub const TERMINATOR: &str = "aws4_request";
/// The payload hash of a request whose body is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

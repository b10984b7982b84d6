//! REST with JSON bodies: operations found by method and path, members bound to path, query, headers and body.
//!
//! [`route`] finds the operation and its labels, [`request`] binds and validates, [`respond`] and [`error`] answer.
//! The rules are Smithy's `aws.protocols#restJson1` and its HTTP binding traits.

mod bind;
mod respond;
mod route;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use bind::{decode, request};
pub use respond::{error, respond};
pub use route::{Labels, route};

/// A request as the edge hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What stands behind the `?`, still percent-encoded; empty where there is none.
    pub query: &'a str,
    /// Names in any case, values as text, in their order.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a Bytes,
}

/// An answer for the edge to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, `content-type` among them where there is a body.
    pub headers: Vec<(String, String)>,
    /// The body; empty where the payload is a stream, which the service sends itself.
    pub body: Bytes,
}

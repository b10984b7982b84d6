//! Calls to other services: HTTP/1.1 over TCP or TLS, connections that are kept, answers of bounded size.
//!
//! [`Connections`] belongs to one [`Endpoint`]. What a request says, who signs it and when it is tried again is the
//! caller's; [`backoff`] says how long to wait in between.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod backoff;
mod connections;
mod endpoint;
pub mod limits;
#[cfg(test)]
mod tests;
pub mod tls;

pub use backoff::backoff;
pub use connections::{Connection, Connections, ReadError, Unreachable};
pub use endpoint::Endpoint;
pub use tls::TrustError;

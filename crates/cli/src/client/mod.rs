//! A small client of Kinesis and its kin: signed HTTP/1.1 calls over TCP or TLS, retries, and event streams.
//!
//! It speaks to anything that speaks the API: `--endpoint` may as well be AWS itself. Messages are the typed shapes
//! of `millrace-api`, bodies go through the codec of `millrace-wire`, and signatures are made by its SigV4.

mod call;
pub(crate) mod credentials;
mod error;
mod events;
pub(crate) mod form;
mod limits;
mod pages;
mod sign;
#[cfg(test)]
mod tests;

pub(crate) use call::Client;
pub(crate) use credentials::Credentials;
pub(crate) use error::CallError;
pub(crate) use events::{Events, PushedEvent};
pub(crate) use millrace_http::Endpoint;
pub(crate) use pages::pages;

/// The endpoint when nothing names another.
pub(crate) const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:4567";

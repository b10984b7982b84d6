//! Bytes to typed calls and back, without I/O.
//!
//! [`codec`] decodes and encodes bodies guided by the tables of `millrace-api`, as [`json`], [`cbor`] or [`query`]
//! forms; [`rest_json`] binds paths, queries and headers besides; [`mod@validate`] holds a decoded message against its
//! constraints; `sigv4` verifies and makes signatures; [`policy`] reads and evaluates IAM-style policies, and [`access`]
//! holds calls against them; [`event_stream`] frames pushes; [`odd`] has the front end's XML answers.
//! No storage word belongs here, and nothing is async.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod arn;
pub mod body;
pub mod call;
pub mod cbor;
pub mod codec;
pub mod error;
pub mod event_stream;
pub mod identity;
pub mod json;
pub mod limits;
pub mod odd;
mod pattern;
pub mod percent;
pub mod policy;
pub mod query;
pub mod rest_json;
mod serialization;
pub mod sigv4;
#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod testing;
pub mod timestamp;
pub mod validate;
mod xml;

pub use arn::Arn;
pub use body::Body;
pub use call::{Caller, Pieces, Reply, Source};
pub use codec::Codec;
pub use error::ApiError;
pub use identity::Identity;
pub use validate::validate;

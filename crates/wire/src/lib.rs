//! Bytes to typed calls and back, without I/O.
//!
//! [`codec`] decodes and encodes bodies guided by the tables of `millrace-api`; [`validate`] holds a decoded
//! message against its constraints; [`sigv4`] verifies and makes signatures; [`event_stream`] frames pushes.
//! No storage word belongs here, and nothing is async.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod call;
pub mod codec;
pub mod error;

pub use call::{Caller, Reply};
pub use codec::Codec;
pub use error::ApiError;

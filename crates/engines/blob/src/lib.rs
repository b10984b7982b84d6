//! Object storage behind one facade.
//!
//! [`Blobs`] keeps whole objects under keys, in a local directory, in memory or in an S3-compatible service;
//! [`Buckets`] opens such stores by name. A put is atomic and, in a directory, durable when it returns. `key` says what a key may look like,
//! [`error`] what can go wrong.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod blobs;
mod buckets;
pub mod error;
mod key;
pub mod limits;

pub use blobs::{Blob, Blobs, Description};
pub use buckets::{Bucket, Buckets, S3, S3Credentials};
pub use error::BlobError;

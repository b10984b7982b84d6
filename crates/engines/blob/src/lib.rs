//! Object storage behind one facade.
//!
//! [`Blobs`] keeps whole objects under keys, in a local directory or in memory; cloud stores come behind the same
//! facade. A put is atomic and, in a directory, durable when it returns. `key` says what a key may look like,
//! [`error`] what can go wrong.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod blobs;
pub mod error;
mod key;
pub mod limits;

pub use blobs::{Blob, Blobs};
pub use error::BlobError;

//! Envelope encryption: master keys that never leave their provider wrap data keys, and data keys seal bytes.
//!
//! [`Keys`] is the promise of a provider; `contract` holds it as tests that every provider passes; [`LocalKeys`] keeps
//! master keys in a directory or in memory; [`DataKey`] seals and opens. Knows no cloud API: realms, names and contexts
//! are the caller's texts.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(any(test, feature = "contract"))]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]
pub mod contract;
mod data_key;
pub mod error;
mod keys;
pub mod limits;
pub mod local;

pub use data_key::{DataKey, KEY_BYTES, KeyMaterial, NONCE_BYTES, Nonce, Nonces, Rejected, TAG_BYTES};
pub use error::KeyError;
pub use keys::{Context, Description, KeyState, Keys, Made, Pending};
pub use local::LocalKeys;

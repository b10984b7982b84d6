//! Who may do what: users, roles, access keys and policies of accounts, and temporary credentials.
//!
//! [`Access`] answers the Identity and Access Management operations (`ops`) and those of the Security Token Service
//! (`sts`); users and roles are a part of the control plane ([`state`]). The front door asks it whom an access key
//! belongs to ([`Access::find`]), which takes no I/O: identities are put together once and kept until something changes.
//! Secrets are sealed under a data key whose master key the key provider keeps (`seal`).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod error;
mod identities;
pub mod limits;
mod managed;
mod ops;
mod seal;
mod service;
pub mod state;
mod sts;

pub use error::{AccessError, OpenError};
pub use identities::{Found, Unknown};
pub use service::{Access, Deps};
pub use state::AccessState;

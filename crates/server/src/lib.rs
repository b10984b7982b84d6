//! The edge: one port, TLS, authentication, routing, configuration and admin pages.
//!
//! [`Config`] holds every setting; [`Server`] opens the engines and the services and listens until it is told to
//! stop.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod config;
pub mod limits;

pub use config::{Config, ConfigError};

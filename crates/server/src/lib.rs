//! The edge: one port, TLS, authentication, routing, configuration and admin pages.
//!
//! [`Config`] holds every setting; [`Server`] opens the engines (`supervisor`) and the services (`roles`)
//! and listens until it is told to stop. A request goes `listener` → `edge` → `route` → `body` → `auth` → `roles` →
//! `answer`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod admin;
mod answer;
mod audit;
mod auth;
pub mod backup;
mod body;
mod commands;
pub mod config;
mod edge;
mod key_import;
pub mod limits;
mod listener;
mod metrics;
mod readiness;
mod roles;
mod route;
mod server;
mod spoken;
mod supervisor;
mod traces;
#[cfg(test)]
mod upgrade_tests;
pub mod verify;

pub use config::{Config, ConfigError};
pub use key_import::{ImportError, import_key};
pub use listener::TlsError;
pub use roles::KeysError;
pub use server::{Server, StartError};
pub use supervisor::OpenError;

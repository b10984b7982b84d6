//! The control plane through its front door: `Streams::call` with JSON bodies, over the memory engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod consumers;
mod encryption;
mod flaky;
mod lifecycle;
mod limits;
mod listing;
mod retention;
mod settings;
mod sharding;
mod streams;
mod tags;
#[allow(dead_code, reason = "shared with the data plane's tests, which use the rest")]
mod world;

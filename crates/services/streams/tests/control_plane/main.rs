//! The control plane through its front door: `Streams::call` with JSON bodies, over the memory engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod consumers;
mod flaky;
mod lifecycle;
mod limits;
mod listing;
mod retention;
mod settings;
mod sharding;
mod streams;
mod tags;
mod world;

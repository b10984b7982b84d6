//! The data plane through its front door: `Streams::call` with JSON and CBOR bodies, over the memory engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod channels;
mod encryption;
mod iterators;
mod limits;
mod load;
mod plane;
mod puts;
mod reads;
mod reshard;
mod scaling;
mod settings;
mod subscribe;
mod telemetry;
#[path = "../control_plane/world.rs"]
#[allow(
    dead_code,
    reason = "shared with the control plane's tests, which use the rest"
)]
mod world;

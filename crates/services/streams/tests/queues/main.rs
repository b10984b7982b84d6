//! Queues through their front door: `Streams::call` with JSON bodies, over the memory engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod control;
mod dead_letters;
mod entries;
mod nodes;
mod positions;
mod receiving;
mod retention;
mod shelf;
#[path = "../control_plane/world.rs"]
#[allow(
    dead_code,
    reason = "shared with the control plane's tests, which use the rest"
)]
mod world;

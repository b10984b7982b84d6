//! The seams everything else is built on: time, randomness, tasks, metrics, byte sizes and secrets.
//!
//! Nothing here knows of AWS, of a wire format or of storage. The linter bans the direct use of what these
//! seams wrap, so that a simulator can run the product's own code on a clock and dice of its choosing.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod bytesize;
pub mod clock;
pub mod metrics;
pub mod rng;
pub mod secret;
pub mod tasks;

pub use bytesize::ByteSize;
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use rng::{Rng, SeededRng, SystemRng};
pub use secret::Secret;
pub use tasks::Tasks;

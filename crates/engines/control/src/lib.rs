//! The control plane's engine: deterministic state machines replayed from one log.
//!
//! A *part* is one service's state machine under a number that is never reused. All parts share one log, so their
//! commands have one total order. `control` replicates and applies; what a command means only its part knows.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod machine;

pub use machine::{Applied, ControlError, Machine};

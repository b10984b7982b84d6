//! The control plane's engine: deterministic state machines replayed from one log.
//!
//! A *part* is one service's state machine under a number that is never reused. All parts share one log, so their
//! commands have one total order. `control` replicates and applies; what a command means only its part knows.
//!
//! Life of a command: [`Part::propose`] appends it to the log ([`command`] draws the bytes); on every node an
//! applier follows the log and applies commands strictly in order; the proposer gets the outcome of its own node's
//! apply. Several nodes may share one log: nothing here rests on being the only writer. [`snapshot`] keeps the
//! state of all parts at one position, so that the log can be trimmed.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod applier;
pub mod command;
mod control;
pub mod error;
pub mod limits;
mod machine;
mod part;
pub mod snapshot;

#[cfg(test)]
mod tests;

pub use control::{Builder, Control, Options, Status, create, delete};
pub use error::ControlError;
pub use machine::{Applied, Machine};
pub use part::Part;

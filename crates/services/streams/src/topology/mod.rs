//! The hash-key space and how shards tile it: ranges, resharding plans, and which shards cover it at a time.
//!
//! Everything here is arithmetic on values; nothing knows of logs, of the control plane or of a clock.

pub mod cover;
pub mod plan;
pub mod range;

#[cfg(test)]
mod tests;

pub use plan::{Birth, Piece};
pub use range::HashRange;

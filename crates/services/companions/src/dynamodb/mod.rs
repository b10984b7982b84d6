//! DynamoDB, as much of it as Kinesis consumers keep their leases and locks in.
//!
//! [`Dynamodb`] answers the operations (`ops`, one file each). Tables and items are a part of the control plane
//! ([`state`]): commands carry decided writes, and what a write depends on – its condition, the item it updates – is
//! evaluated where all commands are applied in one order. [`model`] is what a table holds; [`expression`] is the
//! language of conditions, filters, projections and updates.

mod answer;
mod error;
pub mod expression;
#[doc(hidden)]
pub mod fuzzing;
pub mod limits;
pub mod model;
mod ops;
mod request;
mod service;
pub mod state;

pub use error::DynamodbError;
pub use service::{Deps, Dynamodb};
pub use state::DynamodbState;

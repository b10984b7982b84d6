//! Shapes, constraints, bindings and errors of every operation, generated from the published API models.
//!
//! [`model`] says what a table is made of and [`value`] what a decoded message is; everything under a service's
//! module is written by `cargo xtask codegen` and carries facts only. No I/O happens here.

pub mod model;
pub mod value;

pub use model::{ErrorShape, Kind, Location, Member, Operation, Protocol, Service, Shape, TimestampFormat};
pub use value::{Fields, Typed, Value};

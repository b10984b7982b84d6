//! Shapes, constraints, bindings and errors of every operation, generated from the published API models.
//!
//! [`model`] says what a table is made of and [`value`] what a decoded message is; everything under a service's
//! module is written by `cargo xtask codegen` and carries facts only. No I/O happens here.
//!
//! Every service has tables; Rust structs, which handlers want, only where `xtask/services.json` says `"types": true`.
//! With structs for all of them this crate would take 12 s of processor time to build, without optimisation, instead of 3 s.

pub mod cloudwatch;
pub mod dynamodb;
pub mod firehose;
pub mod glue;
pub mod iam;
pub mod kinesis;
pub mod kinesis_video_archived_media;
pub mod kinesis_video_media;
pub mod kinesis_video_signaling;
pub mod kinesis_video_webrtc_storage;
pub mod kinesisanalytics;
pub mod kinesisanalyticsv2;
pub mod kinesisvideo;
pub mod kms;
pub mod lambda;
pub mod millrace;
pub mod model;
pub mod service_quotas;
pub mod sts;
pub mod value;

pub use model::{ErrorShape, Kind, Location, Member, Operation, Protocol, Service, Shape, TimestampFormat};
pub use value::{Entries, EpochMillis, Fields, Shaped, Typed, Value};

#[cfg(test)]
mod tests;

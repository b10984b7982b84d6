//! Kinesis Data Streams.
//!
//! [`Streams`] answers the service's operations (`ops`, one file each) over a log engine and a part of the control
//! plane. [`state`] holds streams, shards and consumers as pure commands and a pure `apply`; [`topology`] is the
//! arithmetic of hash ranges; `queues` hands records out one by one; `lifecycle` does what a state asks for, `scaling` what the load asks for; [`routing`] is what the data plane reads.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod channels;
mod encryption;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
mod iterator;
mod lifecycle;
pub mod limits;
pub mod metrics;
mod monitoring;
mod ops;
mod queues;
pub mod quotas;
mod rates;
mod record;
mod resolve;
mod retention;
pub mod routing;
mod scaling;
pub mod sequence;
mod service;
mod shapes;
mod shard;
pub mod state;
mod subscribe;
mod tagged;
mod tags;
mod telemetry;
mod token;
pub mod topology;
mod watch;

pub use error::{OpenError, StreamsError};
pub use limits::Profile;
pub use queues::QueueError;
pub use routing::StreamView;
pub use service::{Deps, Settings, Streams};
pub use state::StreamsState;
pub use telemetry::{MetricSample, Statistics};

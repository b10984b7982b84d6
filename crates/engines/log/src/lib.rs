//! Logs: ordered, durable, append-only sequences of opaque records. Knows no cloud API.
//!
//! [`Log`] is the promise; `contract` holds it as tests that every engine passes; [`memory`] is the engine of
//! tests, [`FrozenLog`] one to look at; [`embedded`] keeps all logs of one process in one directory, behind one shared write-ahead log;
//! [`disk`] is the seam through which it reaches storage.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod batch;
#[cfg(any(test, feature = "contract"))]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests"
)]
pub mod contract;
mod crc;
pub mod disk;
pub mod embedded;
mod frozen;
pub mod limits;
mod log;
pub mod memory;

pub use embedded::EmbeddedLog;
pub use frozen::FrozenLog;
pub use log::{
    Append, Appended, Appends, Batch, BatchWriter, Chunk, Entry, Log, LogError, LogId, LogOptions, Offset,
    Pending, ReadLimits, Stats, Tail, Watch,
};
pub use memory::MemoryLog;

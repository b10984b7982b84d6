//! Queues: records of a stream, handed out to whoever asks, until they are acknowledged.
//!
//! What a queue is called and set to is part of the service's state ([`crate::state::queues`]). What it handed out is a
//! state machine of its own ([`machine`]) over a log of its own, so that queues neither wait for each other nor for the
//! control plane; every node may propose to it, and `docs/design/queues.md` draws it. [`open`] keeps the queues that
//! this node uses; [`receive`] waits for records ([`turn`]), has them handed out and reads them ([`deliver`]);
//! [`entries`] settles them by their receipt handles ([`receipt`]); [`lifecycle`] does what a phase asks for.

mod deliver;
pub(crate) mod describe;
pub(crate) mod entries;
mod error;
pub(crate) mod lifecycle;
pub(crate) mod machine;
mod metrics;
mod open;
mod receipt;
pub(crate) mod receive;
mod resolve;
pub(crate) mod start;
mod turn;

pub use error::QueueError;
pub(crate) use machine::Kind;
pub(crate) use open::Queues;

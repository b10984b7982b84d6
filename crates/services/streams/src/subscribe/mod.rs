//! Enhanced fan-out: a shard's records, pushed to one consumer for five minutes.
//!
//! A subscription is a stream that makes its next frame when it is polled. Nothing is read ahead, so that a slow
//! subscriber holds one frame and holds nobody else back. [`registry`] keeps the rule of one subscription per consumer
//! and shard; [`push`] makes the frames.

mod push;
mod registry;

pub(crate) use push::{Subscriber, open};
pub(crate) use registry::Registry;

//! What happens without a caller: transitions of streams, consumers and queues, retention, and on-demand scaling.
//!
//! The state says what is still to be done ([`Phase`](crate::state::Phase)); the workers here do it, on a start as
//! after a change. Every step may be repeated and may be done by several nodes: logs are created, sealed and deleted
//! idempotently, and the command that ends a transition changes nothing the second time.

mod logs;
mod retention;
mod transitions;

pub(crate) use transitions::pause;

use crate::channels;
use crate::scaling;
use crate::service::Streams;

/// Starts the workers in the service's task group; they end with it.
pub(crate) fn start(streams: &Streams) {
    let tasks = &streams.0.tasks;
    tasks.spawn_until_stop(transitions::run(streams.clone()));
    tasks.spawn_until_stop(retention::run(streams.clone()));
    tasks.spawn_until_stop(scaling::run(streams.clone()));
    tasks.spawn_until_stop(channels::worker::run(streams.clone()));
}

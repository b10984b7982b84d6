//! On-demand streams: shards are split where too much comes and merged where little does (developer guide, on-demand
//! mode).
//!
//! [`load`] counts what comes into each shard and remembers where; [`heat`] says which shards are hot or cold; [`plan`]
//! makes splits and merges of that; `worker` does it every few seconds. Each node measures its own writes only: with
//! several nodes a shard is split when it is hot for one of them.

pub(crate) mod heat;
pub(crate) mod load;
pub(crate) mod plan;
mod worker;

pub(crate) use worker::run;

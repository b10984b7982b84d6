//! From a request's records to a shard's log, and back.
//!
//! [`scan`] reads PutRecord and PutRecords without a tree; [`request`] is what both ways of reading yield; [`admit`]
//! holds records against a shard's throughput; [`hash`] routes them; [`append`] encodes and appends them; [`answer`] writes records
//! for readers; [`base64`] is what both spend most on; [`spread`] places records that have no key; [`position`] turns what a reader asks for into an offset.

pub(crate) mod admit;
pub(crate) mod answer;
pub(crate) mod append;
pub(crate) mod base64;
mod hash;
pub(crate) mod position;
pub(crate) mod read;
pub(crate) mod request;
pub(crate) mod scan;
pub(crate) mod spread;

//! Channels: records of a stream are put into a bucket as objects, without a consumer.
//!
//! The state says how far each shard was delivered; [`worker`] looks what is due and [`deliver`] puts it. Objects
//! come first and the state second, so that after a crash records may be put again but none is left out; and since
//! an object's name follows from its first record, most of what is put again replaces itself.

pub(crate) mod deliver;
mod object;
pub(crate) mod shapes;
pub(crate) mod template;
pub(crate) mod worker;

//! Records encrypted where they are stored.
//!
//! A master key, which only its provider sees, wraps data keys; a data key seals each record by itself with AES-256-GCM.
//! The control plane keeps data keys as they were wrapped ([`crate::state::encryption`]), so that every node can use
//! them; [`keys`] holds them ready in memory for a bounded time. [`seal`] is what a put does, [`open`] what a reader does.
//!
//! A sealed record is bound to its place: its stream and its shard's log are authenticated with it, so that bytes that
//! somebody moved from one shard to another do not open. Within one log the order of records is not sealed.

mod keys;
mod open;
mod seal;
#[cfg(test)]
mod tests;

use millrace_keys::Context;
use millrace_wire::arn::partition_of;

use crate::record::SEALED_PREFIX_BYTES;
use crate::state::{LogNumber, StreamKey, StreamUid};

pub(crate) use keys::DataKeys;
pub(crate) use seal::Sealer;

/// Bytes of [`place`].
const PLACE_BYTES: usize = 16 + SEALED_PREFIX_BYTES;

/// What the full names of the master keys of a stream's account and region begin with.
pub(crate) fn realm(stream: &StreamKey) -> String {
    let (region, account) = (&stream.region, &stream.account);
    format!("arn:{}:kms:{region}:{account}:", partition_of(region))
}

/// What a stream's data keys are bound to (developer guide, "Kinesis Data Streams encryption context").
pub(crate) fn context(stream: &StreamKey) -> Context {
    Context::from([("aws:kinesis:arn".to_owned(), stream.arn())])
}

/// What is authenticated with a record: where it is, and what stands in front of it. A stream's uid and a log's number
/// are never used twice.
fn place(stream: StreamUid, log: LogNumber, prefix: [u8; SEALED_PREFIX_BYTES]) -> [u8; PLACE_BYTES] {
    let mut place = [0; PLACE_BYTES];
    let parts = stream
        .0
        .to_be_bytes()
        .into_iter()
        .chain(log.0.to_be_bytes())
        .chain(prefix);
    for (slot, byte) in place.iter_mut().zip(parts) {
        *slot = byte;
    }
    place
}

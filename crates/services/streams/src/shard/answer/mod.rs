//! Writes what the data plane answers straight from its parts: JSON, and CBOR 1.1 with its own timestamps. What may be
//! large – records – is written piece by piece while it is sent.

mod cbor;
mod json;
mod records;
#[cfg(test)]
mod tests;

use millrace_wire::{Codec, Pieces, Reply};

use self::records::Records;
use super::append::Outcome;
use super::read::Page;
use crate::sequence::SequenceNumber;
use crate::state::{Shard, ShardIndex, StreamKey};

/// Bytes that the outcome of a put takes.
const OUTCOME_BYTES: usize = 128;
/// Bytes up to which an answer is written at once. Pieces hold the memory that their records were read into until they
/// are sent, which a slow client may draw out; below this, that is more than the answer.
const WHOLE_BYTES_MAX: usize = 512 << 10;
/// Bytes that everything else takes.
const ANSWER_OVERHEAD: usize = 1024;

/// The answer of GetRecords.
pub(crate) fn records(codec: Codec, page: Page, next: Option<&str>) -> Reply {
    let records = Records::new(codec, page, next);
    let length = records.length();
    if length <= WHOLE_BYTES_MAX {
        return Reply::Body(records.whole(length));
    }
    Reply::Pieces(Pieces {
        length,
        pieces: Box::new(records),
    })
}

/// The payload of a SubscribeToShardEvent, always JSON. `next` is the number to go on behind; none at a shard's end.
pub(crate) fn event(page: &Page, next: Option<&SequenceNumber>) -> Vec<u8> {
    json::event(page, next)
}

/// The answer of PutRecord.
pub(crate) fn put_record(
    codec: Codec,
    shard: ShardIndex,
    number: &SequenceNumber,
    encrypted: bool,
) -> Vec<u8> {
    let (encryption, out) = (encryption(encrypted), Vec::with_capacity(2 * OUTCOME_BYTES));
    match codec {
        Codec::Cbor11 => cbor::put_record(shard, number, encryption, out),
        _ => json::put_record(shard, number, encryption, out),
    }
}

/// What a PutRecords came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    /// Records that were not stored.
    pub(crate) failed: usize,
    /// Whether the others are encrypted.
    pub(crate) encrypted: bool,
}

/// The answer of PutRecords.
pub(crate) fn put_records(
    codec: Codec,
    stream: &StreamKey,
    outcomes: &[Outcome],
    summary: Summary,
) -> Vec<u8> {
    let out = Vec::with_capacity(outcomes.len() * OUTCOME_BYTES + ANSWER_OVERHEAD);
    match codec {
        Codec::Cbor11 => cbor::put_records(stream, outcomes, summary, out),
        _ => json::put_records(stream, outcomes, summary, out),
    }
}

/// `EncryptionType`. Puts say it always; a record says it only where it is encrypted, as it does at AWS.
const fn encryption(encrypted: bool) -> &'static str {
    if encrypted { "KMS" } else { "NONE" }
}

/// Code and message of a record that was not stored.
pub(crate) fn refusal(stream: &StreamKey, outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Throttled { shard, why } => {
            let (name, account) = (&stream.name, &stream.account);
            let mut message =
                format!("Rate exceeded for shard {shard} in stream {name} under account {account}");
            message.extend(why.iter().flat_map(|why| [": ", why]));
            message.push('.');
            ("ProvisionedThroughputExceededException", message)
        }
        Outcome::Stored { .. } | Outcome::Failed => {
            ("InternalFailure", "Internal Service Failure".to_owned())
        }
    }
}

fn parents(child: &Shard) -> impl Iterator<Item = ShardIndex> {
    child.parent.into_iter().chain(child.adjacent_parent)
}

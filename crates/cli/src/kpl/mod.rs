//! De-aggregation of records that a Kinesis Producer Library put several user records into.
//!
//! ```text
//! F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf, 16 bytes
//!
//! AggregatedRecord { repeated string partition_key_table = 1; repeated string explicit_hash_key_table = 2;
//!                    repeated Record records = 3; }
//! Record           { uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
//!                    bytes data = 3; repeated Tag tags = 4; }
//! ```
//! (Format: aws/amazon-kinesis-producer, aggregation-format.md.) Data that does not keep to all of this is a plain
//! record: its first bytes only happen to look alike.

mod protobuf;

use bytes::Bytes;
use md5::{Digest, Md5};
use protobuf::{Field, Reader};

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];
const MD5_BYTES: usize = 16;

/// Most user records that are taken out of one record; one with more stays whole.
pub(crate) const USER_RECORDS_MAX: usize = 100_000;

/// One record as its producer meant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserRecord {
    /// Its own partition key.
    pub partition_key: String,
    /// Its own explicit hash key.
    pub explicit_hash_key: Option<String>,
    /// Its bytes, shared with the whole record.
    pub data: Bytes,
}

/// The user records inside of `data`, in order; `None` when it is a plain record.
pub(crate) fn split(data: &Bytes) -> Option<Vec<UserRecord>> {
    let rest = data.strip_prefix(&MAGIC)?;
    let body = rest.len().checked_sub(MD5_BYTES)?;
    let (message, digest) = rest.split_at_checked(body)?;
    if Md5::digest(message).as_slice() != digest {
        return None;
    }
    aggregated(&data.slice(MAGIC.len()..MAGIC.len() + body))
}

fn aggregated(message: &Bytes) -> Option<Vec<UserRecord>> {
    let (mut partition_keys, mut hash_keys, mut records) = (Vec::new(), Vec::new(), Vec::new());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field {
            Field::Bytes(1, text) => partition_keys.push(String::from_utf8(text.to_vec()).ok()?),
            Field::Bytes(2, text) => hash_keys.push(String::from_utf8(text.to_vec()).ok()?),
            Field::Bytes(3, record) => records.push(record),
            _ => {}
        }
        if partition_keys.len().max(hash_keys.len()).max(records.len()) > USER_RECORDS_MAX {
            return None;
        }
    }
    // The tables may stand behind the records, so these are read last.
    let records: Option<Vec<_>> = records
        .iter()
        .map(|bytes| record(bytes, &partition_keys, &hash_keys))
        .collect();
    records.filter(|records| !records.is_empty())
}

fn record(message: &Bytes, partition_keys: &[String], hash_keys: &[String]) -> Option<UserRecord> {
    let (mut key, mut hash, mut data) = (None, None, None);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field {
            Field::Varint(1, index) => key = Some(entry(partition_keys, index)?),
            Field::Varint(2, index) => hash = Some(entry(hash_keys, index)?),
            Field::Bytes(3, bytes) => data = Some(bytes),
            _ => {}
        }
    }
    Some(UserRecord {
        partition_key: key?,
        explicit_hash_key: hash,
        data: data?,
    })
}

fn entry(table: &[String], index: u64) -> Option<String> {
    table.get(usize::try_from(index).ok()?).cloned()
}

#[cfg(test)]
mod tests;

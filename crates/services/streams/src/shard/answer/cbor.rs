//! Answers in CBOR of definite lengths (RFC 8949), with the service's own timestamps: tag 1 and integer milliseconds.

use super::records::RecordWriter;
use super::{Summary, encryption, parents, refusal};
use crate::sequence::{DIGITS, SequenceNumber, Writer};
use crate::shard::append::Outcome;
use crate::shard::read::{Page, Read};
use crate::state::{Shard, ShardIndex, StreamKey};

const UNSIGNED: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
/// A text of 56 bytes: every sequence number.
const NUMBER_HEAD: [u8; 2] = [TEXT << 5 | 24, 56];
/// Tag 1.
const TIME: u8 = 0xc1;

/// What stands before the records.
pub(super) fn begin(page: &Page, next: bool, out: &mut Vec<u8>) {
    head(
        MAP,
        2 + usize::from(next) + usize::from(page.ended.is_some()),
        out,
    );
    text("Records", out);
    head(LIST, page.records.len(), out);
}

/// What stands behind the records.
pub(super) fn end(page: &Page, next: Option<&str>, out: &mut Vec<u8>) {
    if let Some(next) = next {
        text("NextShardIterator", out);
        text(next, out);
    }
    text("MillisBehindLatest", out);
    let behind = u64::try_from(page.behind.as_millis()).unwrap_or(u64::MAX);
    unsigned(UNSIGNED, behind, out);
    if let Some(ended) = &page.ended {
        text("ChildShards", out);
        children(ended, out);
    }
}

/// One record.
pub(super) fn record(read: &Read, writer: &mut RecordWriter, out: &mut Vec<u8>) {
    let encrypted = read.record.is_encrypted();
    head(
        MAP,
        3 + usize::from(read.record.key().is_some()) + usize::from(encrypted),
        out,
    );
    number("SequenceNumber", &read.number, &mut writer.numbers, out);
    text("ApproximateArrivalTimestamp", out);
    out.push(TIME);
    unsigned(UNSIGNED, read.time.0, out);
    text("Data", out);
    head(BYTES, read.record.data().len(), out);
    out.extend_from_slice(read.record.data());
    if let Some(key) = read.record.key() {
        text("PartitionKey", out);
        text(key, out);
    }
    if encrypted {
        encryption_type(encryption(true), out);
    }
}

/// Bytes of that record.
pub(super) fn record_len(read: &Read) -> usize {
    let names = text_len("SequenceNumber") + text_len("ApproximateArrivalTimestamp") + text_len("Data");
    let key = read
        .record
        .key()
        .map_or(0, |key| text_len("PartitionKey") + length_len(key.len()));
    let encrypted = if read.record.is_encrypted() {
        text_len("EncryptionType") + text_len(encryption(true))
    } else {
        0
    };
    let (number, time) = (NUMBER_HEAD.len() + DIGITS, 1 + unsigned_len(read.time.0));
    1 + names + number + time + length_len(read.record.data().len()) + key + encrypted
}

fn text_len(text: &str) -> usize {
    length_len(text.len())
}

/// Bytes of an item that carries `length` bytes.
fn length_len(length: usize) -> usize {
    unsigned_len(u64::try_from(length).unwrap_or(u64::MAX)) + length
}

/// Bytes that [`unsigned`] writes.
fn unsigned_len(argument: u64) -> usize {
    match argument {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}

fn children(children: &[Shard], out: &mut Vec<u8>) {
    head(LIST, children.len(), out);
    for child in children {
        head(MAP, 3, out);
        text("ShardId", out);
        text(child.index.to_string(), out);
        text("ParentShards", out);
        head(LIST, parents(child).count(), out);
        for parent in parents(child) {
            text(parent.to_string(), out);
        }
        text("HashKeyRange", out);
        head(MAP, 2, out);
        text("StartingHashKey", out);
        text(child.range.start.to_string(), out);
        text("EndingHashKey", out);
        text(child.range.end.to_string(), out);
    }
}

pub(super) fn put_record(
    shard: ShardIndex,
    stored: &SequenceNumber,
    encryption: &str,
    mut out: Vec<u8>,
) -> Vec<u8> {
    head(MAP, 3, &mut out);
    outcome(shard, stored, &mut Writer::default(), &mut out);
    encryption_type(encryption, &mut out);
    out
}

pub(super) fn put_records(
    stream: &StreamKey,
    outcomes: &[Outcome],
    summary: Summary,
    mut out: Vec<u8>,
) -> Vec<u8> {
    let mut numbers = Writer::default();
    head(MAP, 3, &mut out);
    text("FailedRecordCount", &mut out);
    head(UNSIGNED, summary.failed, &mut out);
    text("Records", &mut out);
    head(LIST, outcomes.len(), &mut out);
    for result in outcomes {
        head(MAP, 2, &mut out);
        if let Outcome::Stored { shard, number } = result {
            outcome(*shard, number, &mut numbers, &mut out);
        } else {
            let (code, message) = refusal(stream, result);
            text("ErrorCode", &mut out);
            text(code, &mut out);
            text("ErrorMessage", &mut out);
            text(message, &mut out);
        }
    }
    encryption_type(encryption(summary.encrypted), &mut out);
    out
}

fn outcome(shard: ShardIndex, stored: &SequenceNumber, numbers: &mut Writer, out: &mut Vec<u8>) {
    number("SequenceNumber", stored, numbers, out);
    text("ShardId", out);
    text(shard.text(), out);
}

fn encryption_type(encryption: &str, out: &mut Vec<u8>) {
    text("EncryptionType", out);
    text(encryption, out);
}

fn number(name: &str, number: &SequenceNumber, numbers: &mut Writer, out: &mut Vec<u8>) {
    text(name, out);
    out.extend_from_slice(&NUMBER_HEAD);
    numbers.write(number, out);
}

fn text(text: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    let text = text.as_ref();
    head(TEXT, text.len(), out);
    out.extend_from_slice(text);
}

/// An item of this major type with a length.
fn head(major: u8, length: usize, out: &mut Vec<u8>) {
    unsigned(major, u64::try_from(length).unwrap_or(u64::MAX), out);
}

/// An item of this major type with its argument in the shortest form.
fn unsigned(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    if let Ok(n) = u8::try_from(argument) {
        if n < 24 {
            out.push(major | n);
        } else {
            out.extend_from_slice(&[major | 24, n]);
        }
    } else if let Ok(n) = u16::try_from(argument) {
        out.push(major | 25);
        out.extend_from_slice(&n.to_be_bytes());
    } else if let Ok(n) = u32::try_from(argument) {
        out.push(major | 26);
        out.extend_from_slice(&n.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}

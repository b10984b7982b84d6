//! Answers in JSON. Writing into a `Vec` cannot fail.

use std::io::Write as _;

use millrace_base::Timestamp;
use millrace_wire::json;

use super::records::RecordWriter;
use super::{ANSWER_OVERHEAD, Summary, encryption, parents, refusal};
use crate::sequence::{DIGITS, SequenceNumber, Writer};
use crate::shard::append::Outcome;
use crate::shard::base64;
use crate::shard::read::{Page, Read};
use crate::state::{ShardIndex, StreamKey};

const RECORD_BEGIN: &[u8] = b"{\"SequenceNumber\":\"";
const TIME: &[u8] = b"\",\"ApproximateArrivalTimestamp\":";
const DATA: &[u8] = b",\"Data\":\"";
const KEY: &[u8] = b",\"PartitionKey\":";
const ENCRYPTED: &[u8] = b",\"EncryptionType\":\"KMS\"";

/// What stands before the records.
pub(super) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"Records\":[");
}

/// One record; commas between them are the caller's.
pub(super) fn record(read: &Read, writer: &mut RecordWriter, out: &mut Vec<u8>) {
    out.extend_from_slice(RECORD_BEGIN);
    writer.numbers.write(&read.number, out);
    out.extend_from_slice(TIME);
    out.extend_from_slice(writer.time(read.time));
    out.extend_from_slice(DATA);
    base64::encode(read.record.data(), out);
    out.push(b'"');
    if let Some(key) = read.record.key() {
        out.extend_from_slice(KEY);
        if read.record.has_plain_key() {
            out.push(b'"');
            out.extend_from_slice(key);
            out.push(b'"');
        } else {
            json::quote(key, out);
        }
    }
    if read.record.is_encrypted() {
        out.extend_from_slice(ENCRYPTED);
    }
    out.push(b'}');
}

/// Bytes of that record.
pub(super) fn record_len(read: &Read) -> usize {
    let key = read.record.key();
    let key = key.map_or(0, |key| {
        let quoted = if read.record.has_plain_key() {
            key.len() + 2
        } else {
            json::quoted_len(key)
        };
        KEY.len() + quoted
    });
    let data = base64_simd::STANDARD.encoded_length(read.record.data().len());
    let time = digits(read.time.0 / 1000) + ".000".len();
    let encrypted = if read.record.is_encrypted() {
        ENCRYPTED.len()
    } else {
        0
    };
    RECORD_BEGIN.len() + DIGITS + TIME.len() + time + DATA.len() + data + key + encrypted + "\"}".len()
}

/// Decimal digits of a number.
fn digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Seconds with their milliseconds.
pub(super) fn time(time: Timestamp, out: &mut Vec<u8>) {
    let _ = write!(out, "{}.{:03}", time.0 / 1000, time.0 % 1000);
}

/// What stands behind the records.
pub(super) fn end(page: &Page, next: Option<&str>, out: &mut Vec<u8>) {
    out.push(b']');
    if let Some(next) = next {
        out.extend_from_slice(b",\"NextShardIterator\":");
        json::quote(next, out);
    }
    position(page, out);
}

/// The payload of a SubscribeToShardEvent.
pub(super) fn event(page: &Page, next: Option<&SequenceNumber>) -> Vec<u8> {
    let records: usize = page.records.iter().map(|read| 1 + record_len(read)).sum();
    let mut out = Vec::with_capacity(records + ANSWER_OVERHEAD);
    begin(&mut out);
    let mut writer = RecordWriter::default();
    for (i, read) in page.records.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        record(read, &mut writer, &mut out);
    }
    out.push(b']');
    if let Some(next) = next {
        let _ = write!(out, ",\"ContinuationSequenceNumber\":\"{next}\"");
    }
    position(page, &mut out);
    out
}

/// Where the reader stands: behind by how much, and at a shard's end its children.
fn position(page: &Page, out: &mut Vec<u8>) {
    let _ = write!(out, ",\"MillisBehindLatest\":{}", page.behind.as_millis());
    if let Some(children) = &page.ended {
        out.extend_from_slice(b",\"ChildShards\":[");
        for (i, child) in children.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{{\"ShardId\":\"{}\",\"ParentShards\":[", child.index);
            for (i, parent) in parents(child).enumerate() {
                let comma = if i > 0 { "," } else { "" };
                let _ = write!(out, "{comma}\"{parent}\"");
            }
            let _ = write!(
                out,
                "],\"HashKeyRange\":{{\"StartingHashKey\":\"{}\",\"EndingHashKey\":\"{}\"}}}}",
                child.range.start, child.range.end
            );
        }
        out.push(b']');
    }
    out.push(b'}');
}

pub(super) fn put_record(
    shard: ShardIndex,
    number: &SequenceNumber,
    encryption: &str,
    mut out: Vec<u8>,
) -> Vec<u8> {
    let _ = write!(
        out,
        "{{\"ShardId\":\"{shard}\",\"SequenceNumber\":\"{number}\",\"EncryptionType\":\"{encryption}\"}}"
    );
    out
}

pub(super) fn put_records(
    stream: &StreamKey,
    outcomes: &[Outcome],
    summary: Summary,
    mut out: Vec<u8>,
) -> Vec<u8> {
    let mut numbers = Writer::default();
    let failed = summary.failed;
    let _ = write!(out, "{{\"FailedRecordCount\":{failed},\"Records\":[");
    for (i, outcome) in outcomes.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if let Outcome::Stored { shard, number } = outcome {
            out.extend_from_slice(RECORD_BEGIN);
            numbers.write(number, &mut out);
            out.extend_from_slice(b"\",\"ShardId\":\"");
            out.extend_from_slice(&shard.text());
            out.extend_from_slice(b"\"}");
        } else {
            let (code, message) = refusal(stream, outcome);
            let _ = write!(out, "{{\"ErrorCode\":\"{code}\",\"ErrorMessage\":");
            json::quote(&message, &mut out);
            out.push(b'}');
        }
    }
    let _ = write!(
        out,
        "],\"EncryptionType\":\"{}\"}}",
        encryption(summary.encrypted)
    );
    out
}

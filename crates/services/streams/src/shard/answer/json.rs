//! Answers in JSON. Writing into a `Vec` cannot fail.

use std::io::Write as _;

use millrace_wire::json;

use super::{parents, refusal};
use crate::sequence::{SequenceNumber, Writer};
use crate::shard::append::Outcome;
use crate::shard::read::{Page, Read};
use crate::state::{ShardIndex, StreamKey};

pub(super) fn records(page: &Page, next: Option<&str>, mut out: Vec<u8>) -> Vec<u8> {
    list(page, &mut out);
    if let Some(next) = next {
        out.extend_from_slice(b",\"NextShardIterator\":");
        json::quote(next, &mut out);
    }
    end(page, &mut out);
    out
}

pub(super) fn event(page: &Page, next: Option<&SequenceNumber>, mut out: Vec<u8>) -> Vec<u8> {
    list(page, &mut out);
    if let Some(next) = next {
        let _ = write!(out, ",\"ContinuationSequenceNumber\":\"{next}\"");
    }
    end(page, &mut out);
    out
}

fn list(page: &Page, out: &mut Vec<u8>) {
    let mut numbers = Writer::default();
    out.extend_from_slice(b"{\"Records\":[");
    for (i, Read { number, time, record }) in page.records.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"SequenceNumber\":\"");
        numbers.write(number, out);
        let _ = write!(
            out,
            "\",\"ApproximateArrivalTimestamp\":{}.{:03},\"Data\":\"",
            time.0 / 1000,
            time.0 % 1000
        );
        base64_simd::STANDARD.encode_append(&record.data, out);
        out.push(b'"');
        if let Some(key) = &record.key {
            out.extend_from_slice(b",\"PartitionKey\":");
            json::quote(std::str::from_utf8(key).unwrap_or_default(), out);
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn end(page: &Page, out: &mut Vec<u8>) {
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

pub(super) fn put_record(shard: ShardIndex, number: &SequenceNumber, mut out: Vec<u8>) -> Vec<u8> {
    let _ = write!(
        out,
        "{{\"ShardId\":\"{shard}\",\"SequenceNumber\":\"{number}\",\"EncryptionType\":\"NONE\"}}"
    );
    out
}

pub(super) fn put_records(
    stream: &StreamKey,
    outcomes: &[Outcome],
    failed: usize,
    mut out: Vec<u8>,
) -> Vec<u8> {
    let mut numbers = Writer::default();
    let _ = write!(out, "{{\"FailedRecordCount\":{failed},\"Records\":[");
    for (i, outcome) in outcomes.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if let Outcome::Stored { shard, number } = outcome {
            out.extend_from_slice(b"{\"SequenceNumber\":\"");
            numbers.write(number, &mut out);
            let _ = write!(out, "\",\"ShardId\":\"{shard}\"}}");
        } else {
            let (code, message) = refusal(stream, outcome);
            let _ = write!(out, "{{\"ErrorCode\":\"{code}\",\"ErrorMessage\":");
            json::quote(&message, &mut out);
            out.push(b'}');
        }
    }
    out.extend_from_slice(b"],\"EncryptionType\":\"NONE\"}");
    out
}

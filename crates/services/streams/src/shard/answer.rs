//! Writes records for readers, straight into one buffer: JSON and CBOR 1.1.

use std::io::Write as _;

use millrace_wire::{Codec, json};

use super::append::Outcome;
use super::read::{Page, Read};
use crate::routing::StreamView;
use crate::state::Shard;

/// Bytes that a record's answer takes besides its data and key, generously.
const RECORD_OVERHEAD: usize = 220;

/// The answer of GetRecords.
pub(crate) fn records(codec: Codec, page: &Page, next: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(size(codec, page));
    let behind = u64::try_from(page.behind.as_millis()).unwrap_or(u64::MAX);
    match codec {
        Codec::Cbor11 => {
            let members = 2 + u64::from(next.is_some()) + u64::from(page.ended.is_some());
            cbor::head(cbor::MAP, members, &mut out);
            cbor::text("Records", &mut out);
            cbor::head(cbor::ARRAY, page.records.len() as u64, &mut out);
            page.records.iter().for_each(|read| cbor::record(read, &mut out));
            if let Some(next) = next {
                cbor::text("NextShardIterator", &mut out);
                cbor::text(next, &mut out);
            }
            cbor::text("MillisBehindLatest", &mut out);
            cbor::head(cbor::UNSIGNED, behind, &mut out);
            if let Some(children) = &page.ended {
                cbor::text("ChildShards", &mut out);
                cbor::children(children, &mut out);
            }
        }
        Codec::Json10 | Codec::Json11 => {
            out.push(b'{');
            json_records(page, &mut out);
            if let Some(next) = next {
                let _ = write!(out, ",\"NextShardIterator\":\"{next}\"");
            }
            let _ = write!(out, ",\"MillisBehindLatest\":{behind}");
            json_children(page, &mut out);
            out.push(b'}');
        }
    }
    out
}

/// The payload of a SubscribeToShardEvent, always JSON. `next` is the number to go on behind; none at a shard's end.
pub(crate) fn event(page: &Page, next: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(size(Codec::Json11, page));
    out.push(b'{');
    json_records(page, &mut out);
    if let Some(next) = next {
        let _ = write!(out, ",\"ContinuationSequenceNumber\":\"{next}\"");
    }
    let _ = write!(out, ",\"MillisBehindLatest\":{}", page.behind.as_millis());
    json_children(page, &mut out);
    out.push(b'}');
    out
}

fn size(codec: Codec, page: &Page) -> usize {
    let data = if codec == Codec::Cbor11 {
        page.bytes
    } else {
        page.bytes / 3 * 4
    };
    let keys: usize = page
        .records
        .iter()
        .map(|r| r.record.key.as_ref().map_or(0, bytes::Bytes::len))
        .sum();
    data + keys + page.records.len() * RECORD_OVERHEAD + 1024
}

fn json_records(page: &Page, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"Records\":[");
    for (i, Read { number, time, record }) in page.records.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let _ = write!(
            out,
            "{{\"SequenceNumber\":\"{number}\",\"ApproximateArrivalTimestamp\":"
        );
        let _ = write!(out, "{}.{:03}", time.0 / 1000, time.0 % 1000);
        out.extend_from_slice(b",\"Data\":\"");
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

fn json_children(page: &Page, out: &mut Vec<u8>) {
    let Some(children) = &page.ended else { return };
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

fn parents(child: &Shard) -> impl Iterator<Item = String> {
    child
        .parent
        .into_iter()
        .chain(child.adjacent_parent)
        .map(|parent| parent.to_string())
}

/// The answer of PutRecords in JSON; CBOR goes through the tables, since it carries no data to speak of.
pub(crate) fn put_records(view: &StreamView, outcomes: &[Outcome]) -> Vec<u8> {
    let mut out = Vec::with_capacity(outcomes.len() * 128 + 64);
    let failed = outcomes
        .iter()
        .filter(|o| !matches!(o, Outcome::Stored { .. }))
        .count();
    let _ = write!(out, "{{\"FailedRecordCount\":{failed},\"Records\":[");
    for (i, outcome) in outcomes.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match outcome {
            Outcome::Stored { shard, number } => {
                let _ = write!(out, "{{\"SequenceNumber\":\"{number}\",\"ShardId\":\"{shard}\"}}");
            }
            refused => {
                let (code, message) = refusal(view, refused);
                let _ = write!(out, "{{\"ErrorCode\":\"{code}\",\"ErrorMessage\":");
                json::quote(&message, &mut out);
                out.push(b'}');
            }
        }
    }
    out.extend_from_slice(b"],\"EncryptionType\":\"NONE\"}");
    out
}

/// Code and message of a record that was not stored.
pub(crate) fn refusal(view: &StreamView, outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Throttled(shard) => (
            "ProvisionedThroughputExceededException",
            format!(
                "Rate exceeded for shard {shard} in stream {} under account {}.",
                view.key.name, view.key.account
            ),
        ),
        Outcome::Stored { .. } | Outcome::Failed => {
            ("InternalFailure", "Internal Service Failure".to_owned())
        }
    }
}

mod cbor {
    //! Definite-length CBOR (RFC 8949), with the service's own timestamps: tag 1 and integer milliseconds.

    use super::{Read, parents};
    use crate::state::Shard;

    pub(super) const UNSIGNED: u8 = 0;
    const BYTES: u8 = 2;
    const TEXT: u8 = 3;
    pub(super) const ARRAY: u8 = 4;
    pub(super) const MAP: u8 = 5;
    const TAG: u8 = 6;

    pub(super) fn head(major: u8, n: u64, out: &mut Vec<u8>) {
        let major = major << 5;
        if let Ok(n) = u8::try_from(n) {
            if n < 24 {
                out.push(major | n);
            } else {
                out.extend_from_slice(&[major | 24, n]);
            }
        } else if let Ok(n) = u16::try_from(n) {
            out.push(major | 25);
            out.extend_from_slice(&n.to_be_bytes());
        } else if let Ok(n) = u32::try_from(n) {
            out.push(major | 26);
            out.extend_from_slice(&n.to_be_bytes());
        } else {
            out.push(major | 27);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }

    pub(super) fn text(text: &str, out: &mut Vec<u8>) {
        head(TEXT, text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn record(read: &Read, out: &mut Vec<u8>) {
        head(MAP, 3 + u64::from(read.record.key.is_some()), out);
        text("SequenceNumber", out);
        text(&read.number.to_string(), out);
        text("ApproximateArrivalTimestamp", out);
        head(TAG, 1, out);
        head(UNSIGNED, read.time.0, out);
        text("Data", out);
        head(BYTES, read.record.data.len() as u64, out);
        out.extend_from_slice(&read.record.data);
        if let Some(key) = &read.record.key {
            text("PartitionKey", out);
            text(std::str::from_utf8(key).unwrap_or_default(), out);
        }
    }

    pub(super) fn children(children: &[Shard], out: &mut Vec<u8>) {
        head(ARRAY, children.len() as u64, out);
        for child in children {
            head(MAP, 3, out);
            text("ShardId", out);
            text(&child.index.to_string(), out);
            text("ParentShards", out);
            let parents: Vec<String> = parents(child).collect();
            head(ARRAY, parents.len() as u64, out);
            parents.iter().for_each(|parent| text(parent, out));
            text("HashKeyRange", out);
            head(MAP, 2, out);
            text("StartingHashKey", out);
            text(&child.range.start.to_string(), out);
            text("EndingHashKey", out);
            text(&child.range.end.to_string(), out);
        }
    }
}

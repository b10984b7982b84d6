//! Routes a put's records to their shards and appends them.
//!
//! All appends of a request are queued before any is awaited, so that one group commit serves them all. A shard that
//! was closed in between is sealed: its records wait for the children to be visible and are routed again.

use std::sync::Arc;

use millrace_base::Timestamp;
use millrace_log::{Append, Batch, LogError};

use super::request::{Data, Entry, Put};
use crate::error::StreamsError;
use crate::limits::{PUT_REQUEST_BYTES_MAX, RESEAL_TRIES, RESEAL_WAIT};
use crate::record;
use crate::routing::StreamView;
use crate::sequence::SequenceNumber;
use crate::service::Streams;
use crate::state::{Shard, ShardIndex};

/// What became of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is durable.
    Stored {
        /// Where.
        shard: ShardIndex,
        /// As what.
        number: SequenceNumber,
    },
    /// Its shard has no throughput left.
    Throttled(ShardIndex),
    /// It may or may not be stored.
    Failed,
}

/// Records of one request for one shard.
struct Group {
    shard: Shard,
    /// Positions in the request.
    members: Vec<usize>,
    /// Bytes of their records.
    bytes: usize,
}

/// A group on its way.
struct Sent {
    group: Group,
    append: Append,
}

/// Stores the records; outcomes are in the request's order.
pub(crate) async fn put(
    streams: &Streams,
    view: &StreamView,
    put: &Put<'_>,
) -> Result<Vec<Outcome>, StreamsError> {
    let hashes = hashes(view, put)?;
    let mut outcomes = vec![Outcome::Failed; put.records.len()];
    let mut waiting: Vec<usize> = (0..put.records.len()).collect();
    let mut current = None;
    for attempt in 0..=RESEAL_TRIES {
        // Subscribed before the view is looked at, or the change that is waited for could be missed.
        let mut changed = streams.changed();
        changed.mark_unchanged();
        if attempt > 0 {
            current = Some(streams.view(&view.key)?);
        }
        let view = current.as_deref().unwrap_or(view);
        let first = attempt == 0;
        let groups = group(streams, view, put, &hashes, &waiting, first, &mut outcomes);
        waiting = append(streams, put, groups, &mut outcomes).await?;
        if waiting.is_empty() {
            break;
        }
        let _ = tokio::time::timeout(RESEAL_WAIT, changed.changed()).await;
    }
    Ok(outcomes)
}

/// Hash keys in the request's order, sizes checked.
fn hashes(view: &StreamView, put: &Put<'_>) -> Result<Vec<u128>, StreamsError> {
    let mut total = 0;
    let mut hashes = Vec::with_capacity(put.records.len());
    for entry in &put.records {
        let bytes = entry.bytes();
        if bytes > view.record_bytes_max {
            return Err(StreamsError::InvalidArgument(format!(
                "Record of {bytes} bytes, data and partition key together, is larger than the {} bytes that stream {} \
                 under account {} takes (MaxRecordSizeInKiB).",
                view.record_bytes_max, view.key.name, view.key.account
            )));
        }
        total += bytes;
        hashes.push(entry.hash()?);
    }
    if total > PUT_REQUEST_BYTES_MAX {
        return Err(StreamsError::InvalidArgument(format!(
            "Records of {total} bytes in one request are more than the {PUT_REQUEST_BYTES_MAX} bytes that it may hold."
        )));
    }
    Ok(hashes)
}

/// Sorts the waiting records by shard. Throughput is counted the first time only.
fn group(
    streams: &Streams,
    view: &StreamView,
    put: &Put<'_>,
    hashes: &[u128],
    waiting: &[usize],
    count: bool,
    outcomes: &mut [Outcome],
) -> Vec<Group> {
    let limited = count && streams.limits_throughput();
    let now = streams.0.clock.monotonic();
    let mut groups: Vec<Group> = Vec::new();
    let mut at_shard = std::collections::HashMap::new();
    for &member in waiting {
        let (Some(entry), Some(hash)) = (put.records.get(member), hashes.get(member)) else {
            continue;
        };
        let Some(shard) = view.route(*hash) else { continue };
        let bytes = entry.bytes();
        if limited && !streams.0.admission.write(shard.log, bytes as u64, now) {
            streams.0.metrics.write_throttled.add(1);
            if let Some(outcome) = outcomes.get_mut(member) {
                *outcome = Outcome::Throttled(shard.index);
            }
            continue;
        }
        let at = *at_shard.entry(shard.index).or_insert_with(|| {
            groups.push(Group {
                shard: *shard,
                members: Vec::new(),
                bytes: 0,
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.members.push(member);
            group.bytes += record::HEADER_BYTES + bytes;
        }
    }
    groups
}

/// Appends every group; yields the records whose shard was closed in between.
async fn append(
    streams: &Streams,
    put: &Put<'_>,
    groups: Vec<Group>,
    outcomes: &mut [Outcome],
) -> Result<Vec<usize>, StreamsError> {
    let mut sent = Vec::with_capacity(groups.len());
    for group in groups {
        let batch = encode(put, &group)?;
        let append = streams.0.log.append(group.shard.log_id(), batch);
        sent.push(Sent { group, append });
    }
    let mut again = Vec::new();
    for Sent { group, append } in sent {
        match append.await {
            Ok(appended) => {
                let mut offset = appended.first;
                for &member in &group.members {
                    let number = SequenceNumber::of(&group.shard, offset, appended.time);
                    offset += 1;
                    set(
                        outcomes,
                        member,
                        Outcome::Stored {
                            shard: group.shard.index,
                            number,
                        },
                    );
                }
                count(streams, put, &group);
            }
            // NotFound: the stream is being deleted; the view that is looked at next says so.
            Err(LogError::Sealed(_) | LogError::NotFound(_)) => again.extend(group.members),
            Err(LogError::Overloaded(_)) => {
                for &member in &group.members {
                    set(outcomes, member, Outcome::Throttled(group.shard.index));
                }
            }
            Err(error) => {
                tracing::error!(%error, shard = %group.shard.index, stream = %put.stream_name.as_deref().unwrap_or_default(), "append failed");
            }
        }
    }
    again.sort_unstable();
    Ok(again)
}

fn set(outcomes: &mut [Outcome], member: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(member) {
        *slot = outcome;
    }
}

fn count(streams: &Streams, put: &Put<'_>, group: &Group) {
    let bytes: usize = group
        .members
        .iter()
        .filter_map(|m| put.records.get(*m))
        .map(Entry::bytes)
        .sum();
    streams.0.metrics.incoming_records.add(group.members.len() as u64);
    streams.0.metrics.incoming_bytes.add(bytes as u64);
}

/// The group's records in one buffer, base64 decoded in place.
fn encode(put: &Put<'_>, group: &Group) -> Result<Batch, StreamsError> {
    let mut bytes = Vec::with_capacity(group.bytes);
    let mut ends = Vec::with_capacity(group.members.len());
    for entry in group.members.iter().filter_map(|member| put.records.get(*member)) {
        record::begin(entry.key.as_deref(), &mut bytes);
        match &entry.data {
            Data::Raw(data) => bytes.extend_from_slice(data),
            Data::Base64(text, length) => {
                let start = bytes.len();
                bytes.resize(start + length, 0);
                let target = bytes.get_mut(start..).unwrap_or_default();
                base64_simd::STANDARD
                    .decode(text, base64_simd::Out::from_slice(target))
                    .map_err(|_| StreamsError::InvalidArgument(BAD_BASE64.to_owned()))?;
            }
        }
        ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }
    Ok(Batch {
        bytes: bytes.into(),
        ends,
    })
}

/// Stands in until the decoder has said it in the service's words: see [`is_bad_base64`].
const BAD_BASE64: &str = "Data is not base64";

/// Whether a put failed for what only decoding shows; the body is then read again by the tables.
pub(crate) fn is_bad_base64(error: &StreamsError) -> bool {
    matches!(error, StreamsError::InvalidArgument(text) if text == BAD_BASE64)
}

impl Streams {
    /// Holds a number that the caller saw before against the stream it was given for (API PutRecord,
    /// SequenceNumberForOrdering). Order itself follows from the log: what is put later has a greater number.
    pub(crate) fn check_ordering(&self, view: &Arc<StreamView>, text: &str) -> Result<(), StreamsError> {
        let now: Timestamp = self.0.clock.now();
        let known = SequenceNumber::parse(text).filter(|number| {
            let shard = view.shard(number.shard);
            // Append times are whole milliseconds and never ahead of the clock by more than a reshard's second.
            shard.is_some_and(|shard| shard.create_secs == number.create_secs)
                && number.time_secs <= now.seconds().saturating_add(1)
        });
        if known.is_some() {
            return Ok(());
        }
        Err(StreamsError::InvalidArgument(format!(
            "ExclusiveMinimumSequenceNumber {text} used in PutRecord on stream {} under account {} is invalid.",
            view.key.name, view.key.account
        )))
    }
}

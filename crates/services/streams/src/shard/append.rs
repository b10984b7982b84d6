//! Routes a put's records to their shards and appends them.
//!
//! All appends of a request are queued before any is awaited, so that one group commit serves them all. A shard that
//! was closed in between is sealed: nothing of that append is stored, and its records are routed again, in order, once
//! the control plane shows the children.

use std::ops::Range;
use std::sync::Arc;

use millrace_log::limits::{IN_PLACE_BYTES_MAX, IN_PLACE_BYTES_MIN};
use millrace_log::{Appended, Batch, BatchWriter, LogError};

use super::base64;
use super::hash::Hasher;
use super::request::{Data, Entry, Place, Put};
use crate::encryption::Sealer;
use crate::error::StreamsError;
use crate::limits::{PUT_REQUEST_BYTES_MAX, RESHARD_WAIT_MAX};
use crate::record;
use crate::routing::StreamView;
use crate::sequence::SequenceNumber;
use crate::service::Streams;
use crate::state::{Distribution, LogNumber, Mode, Shard, ShardIndex};

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
    /// It cannot be taken now, and may be later.
    Throttled {
        /// By which shard.
        shard: ShardIndex,
        /// What keeps the engine from it, and what to do; none where the shard's own throughput is used up.
        why: Option<&'static str>,
    },
    /// It may or may not be stored.
    Failed,
}

/// Why nothing of a put was stored.
#[derive(Debug)]
pub(crate) enum PutError {
    /// Some data is no base64: the tables' decoder has the words for it.
    Base64,
    /// What the caller is told.
    Refused(StreamsError),
}

impl From<StreamsError> for PutError {
    fn from(error: StreamsError) -> Self {
        Self::Refused(error)
    }
}

/// Records of one request for one shard, all of them or as many as one batch takes best.
struct Group {
    shard: Shard,
    /// Which of the waiting records, once these are sorted by shard.
    members: Range<usize>,
    /// Bytes of their records.
    bytes: usize,
}

/// A put on its way.
struct Storing<'a> {
    streams: &'a Streams,
    put: &'a Put<'a>,
    /// What records are encrypted with, if they are.
    sealer: Option<Sealer>,
    /// Hash keys in the request's order.
    hashes: Vec<u128>,
    /// In the request's order.
    outcomes: Vec<Outcome>,
    /// Positions of the records that are not stored yet, ascending.
    waiting: Vec<usize>,
    /// Logs that turned out to be closed.
    closed: Vec<LogNumber>,
}

/// Stores the records; outcomes are in the request's order.
pub(crate) async fn put(
    streams: &Streams,
    view: &StreamView,
    put: &Put<'_>,
) -> Result<Vec<Outcome>, PutError> {
    let mut storing = Storing {
        streams,
        put,
        hashes: hashes(streams, view, put)?,
        sealer: streams.sealer(view).await?,
        outcomes: vec![Outcome::Failed; put.records.len()],
        waiting: (0..put.records.len()).collect(),
        closed: Vec::new(),
    };
    // Subscribed before the view is looked at again, or the change that is waited for could be missed.
    let mut changed = streams.changed();
    if streams.limits_throughput() {
        storing.admit(view);
    }
    storing.pass(view).await?;
    let clock = &streams.0.clock;
    let ends = clock.monotonic() + RESHARD_WAIT_MAX;
    while !storing.waiting.is_empty() {
        changed.mark_unchanged();
        let now = same_stream(streams, view)?;
        if storing.has_routes(&now) {
            storing.pass(&now).await?;
            continue;
        }
        let left = ends.saturating_sub(clock.monotonic());
        tokio::select! {
            news = changed.changed() => if news.is_err() { break },
            () = clock.sleep(left) => break,
        }
    }
    Ok(storing.outcomes)
}

/// The stream as it is now, if it is still the one that was resolved.
fn same_stream(streams: &Streams, view: &StreamView) -> Result<Arc<StreamView>, StreamsError> {
    let now = streams.view(&view.key)?;
    if now.uid == view.uid {
        Ok(now)
    } else {
        Err(StreamsError::StreamNotFound(view.key.clone()))
    }
}

/// Hash keys in the request's order, sizes checked.
fn hashes(streams: &Streams, view: &StreamView, put: &Put<'_>) -> Result<Vec<u128>, StreamsError> {
    let mut total = 0;
    let mut hashes = vec![0; put.records.len()];
    let mut hasher = Hasher::new();
    for (at, entry) in put.records.iter().enumerate() {
        let bytes = entry.bytes();
        if bytes > view.record_bytes_max {
            return Err(StreamsError::InvalidArgument(format!(
                "Record of {bytes} bytes, data and partition key together, is larger than the {} bytes that stream {} \
                 under account {} takes (MaxRecordSizeInKiB).",
                view.record_bytes_max, view.key.name, view.key.account
            )));
        }
        total += bytes;
        let place = match view.distribution {
            Distribution::UserPartitionKey => entry.place()?,
            Distribution::Auto => Place::Hash(streams.0.spread.next()),
        };
        match place {
            Place::Key(key) => hasher.add(key, at, &mut hashes),
            Place::Hash(hash) => hashes[at] = hash,
        }
    }
    hasher.finish(&mut hashes);
    if total > PUT_REQUEST_BYTES_MAX {
        return Err(StreamsError::InvalidArgument(format!(
            "Records of {total} bytes in one request are more than the {PUT_REQUEST_BYTES_MAX} bytes that it may hold."
        )));
    }
    Ok(hashes)
}

impl Storing<'_> {
    /// Takes the records out for whose shards too much comes already.
    fn admit(&mut self, view: &StreamView) {
        let streams = self.streams;
        let now = streams.0.clock.monotonic();
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|&member| {
            let Some((entry, shard)) = self.routed(view, member) else {
                return true;
            };
            let (shard, bytes) = (*shard, entry.bytes() as u64);
            let free = streams.0.admission.write(shard.log, bytes, now);
            if !free {
                streams.0.metrics.write_throttled.add(1);
                if let Some(meter) = streams.0.monitoring.meter(view, &shard) {
                    meter.write_throttled.add(1);
                }
                if let Some(watch) = streams.watched(view, &shard) {
                    watch.put_throttled();
                }
                let outcome = Outcome::Throttled {
                    shard: shard.index,
                    why: None,
                };
                self.set(member, outcome);
            }
            free
        });
        self.waiting = waiting;
    }

    /// Whether no waiting record is routed to a shard that is known to be closed.
    fn has_routes(&self, view: &StreamView) -> bool {
        self.waiting.iter().all(|&member| {
            self.routed(view, member)
                .is_some_and(|(_, shard)| !self.closed.contains(&shard.log))
        })
    }

    fn routed<'v>(&self, view: &'v StreamView, member: usize) -> Option<(&Entry<'_>, &'v Shard)> {
        let shard = view.route(*self.hashes.get(member)?)?;
        Some((self.put.records.get(member)?, shard))
    }

    /// Appends what waits. What hits a shard that was closed in between goes on waiting.
    async fn pass(&mut self, view: &StreamView) -> Result<(), PutError> {
        let groups = self.groups(view);
        // All are encoded before the first is appended: data that is no base64 refuses the whole request.
        let batches = self.encode(&groups)?;
        let logs = groups.iter().map(|group| group.shard.log_id());
        let appended = self.streams.0.log.append_all(logs.zip(batches).collect());
        let results = appended.await;
        let sorted = std::mem::take(&mut self.waiting);
        for (group, result) in groups.into_iter().zip(results) {
            let members = sorted.get(group.members.clone()).unwrap_or_default();
            self.settle(view, &group, members, result);
        }
        self.waiting.sort_unstable();
        Ok(())
    }

    /// Sorts the waiting records by shard, each shard's in their order, and says where whose are. Those of one shard make
    /// several groups where a batch would get too large to be stored without a copy.
    fn groups(&mut self, view: &StreamView) -> Vec<Group> {
        let waiting = std::mem::take(&mut self.waiting);
        let routed = waiting.iter().filter_map(|&member| {
            let (entry, shard) = self.routed(view, member)?;
            Some((shard, member, record::HEADER_BYTES + entry.bytes()))
        });
        let mut routed: Vec<_> = routed.collect();
        routed.sort_unstable_by_key(|(shard, member, _)| (shard.index, *member));
        let mut groups: Vec<Group> = Vec::new();
        for (at, (shard, _, bytes)) in routed.iter().enumerate() {
            match groups.last_mut() {
                Some(group)
                    if group.shard.index == shard.index && group.bytes + bytes <= IN_PLACE_BYTES_MAX =>
                {
                    group.members.end = at + 1;
                    group.bytes += bytes;
                }
                _ => groups.push(Group {
                    shard: **shard,
                    members: at..at + 1,
                    bytes: *bytes,
                }),
            }
        }
        self.waiting = routed.into_iter().map(|(_, member, _)| member).collect();
        groups
    }

    /// The groups' batches. Small ones share their memory; a large one has its own, from which it is written.
    fn encode(&self, groups: &[Group]) -> Result<Vec<Batch>, PutError> {
        let sealing = |group: &Group| {
            self.sealer
                .as_ref()
                .map_or(0, |_| Sealer::BYTES * group.members.len())
        };
        let size = |group: &Group| group.bytes + sealing(group);
        let is_large = |group: &Group| size(group) >= IN_PLACE_BYTES_MIN;
        let mut batches = Vec::with_capacity(groups.len());
        for run in groups.chunk_by(|a, b| !is_large(a) && !is_large(b)) {
            let mut writer = BatchWriter::with_capacity(run.iter().map(size).sum::<usize>() + base64::SLACK);
            for group in run {
                self.encode_group(group, &mut writer)?;
            }
            batches.extend(writer.finish());
        }
        Ok(batches)
    }

    /// The group's records, base64 decoded and sealed where they are to stay.
    fn encode_group(&self, group: &Group, batch: &mut BatchWriter) -> Result<(), PutError> {
        let members = self.waiting.get(group.members.clone()).unwrap_or_default();
        for entry in members.iter().filter_map(|member| self.put.records.get(*member)) {
            let bytes = batch.bytes();
            let sealer = self.sealer.as_ref();
            let open = sealer.map(|sealer| sealer.begin(&group.shard, bytes));
            record::begin(entry.key.as_deref(), bytes);
            match &entry.data {
                Data::Raw(data) => bytes.extend_from_slice(data),
                Data::Base64(text, _) if base64::decode(text, bytes) => {}
                Data::Base64(..) => return Err(PutError::Base64),
            }
            if let (Some(sealer), Some(open)) = (sealer, open) {
                sealer.finish(&open, bytes)?;
            }
            batch.end_record();
        }
        batch.end_batch();
        Ok(())
    }

    fn settle(
        &mut self,
        view: &StreamView,
        group: &Group,
        members: &[usize],
        result: Result<Appended, LogError>,
    ) {
        match result {
            Ok(appended) => {
                for (&member, offset) in members.iter().zip(appended.first..) {
                    let number = SequenceNumber::of(&group.shard, offset, appended.time);
                    let shard = group.shard.index;
                    self.set(member, Outcome::Stored { shard, number });
                }
                self.count(view, group, members);
            }
            // NotFound: the stream is being deleted, and the view that is looked at next says so.
            Err(LogError::Sealed(_) | LogError::NotFound(_)) => {
                self.closed.push(group.shard.log);
                let metrics = &self.streams.0.metrics;
                metrics.rerouted_records.add(members.len() as u64);
                self.waiting.extend(members);
            }
            Err(LogError::Overloaded(what)) => {
                tracing::debug!(what, shard = %group.shard.index, "append refused by a full engine");
                let shard = group.shard.index;
                for &member in members {
                    self.set(
                        member,
                        Outcome::Throttled {
                            shard,
                            why: Some(what),
                        },
                    );
                }
            }
            Err(error) => {
                tracing::error!(%error, shard = %group.shard.index, log = group.shard.log.0, "append failed");
            }
        }
    }

    fn set(&mut self, member: usize, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(member) {
            *slot = outcome;
        }
    }

    fn count(&self, view: &StreamView, group: &Group, members: &[usize]) {
        let metrics = &self.streams.0.metrics;
        let headers = members.len() * record::HEADER_BYTES;
        let (records, bytes) = (members.len() as u64, group.bytes.saturating_sub(headers) as u64);
        metrics.incoming_records.add(records);
        metrics.incoming_bytes.add(bytes);
        if self.sealer.is_some() {
            metrics.sealed_records.add(records);
        }
        if view.mode == Mode::OnDemand {
            // One record stands for the rest; which one changes from put to put.
            let member = members.get(self.streams.0.loads.pick(members.len()));
            if let Some(hash) = member.and_then(|member| self.hashes.get(*member)) {
                self.streams.0.loads.add(group.shard.log, bytes, records, *hash);
            }
        }
        if let Some(meter) = self.streams.0.monitoring.meter(view, &group.shard) {
            meter.incoming_records.add(records);
            meter.incoming_bytes.add(bytes);
        }
        if let Some(watch) = self.streams.watched(view, &group.shard) {
            let entries = members.iter().filter_map(|member| self.put.records.get(*member));
            let keys = entries.filter_map(|entry| entry.key.as_deref());
            watch.put((records, bytes), keys, self.streams.0.clock.monotonic());
        }
    }
}

impl Streams {
    /// What a dry run of a put answers: what is wrong with it, or that it would have been stored.
    pub(crate) fn dry_run(&self, view: &StreamView, put: &Put<'_>) -> StreamsError {
        hashes(self, view, put).err().unwrap_or(StreamsError::DryRun)
    }

    /// Stores a put; when its data turns out to be no base64, the body is read again by the tables, for their words.
    pub(crate) async fn store(
        &self,
        view: &StreamView,
        first: &Put<'_>,
        decode: impl FnOnce() -> Result<Put<'static>, StreamsError>,
    ) -> Result<Vec<Outcome>, StreamsError> {
        match put(self, view, first).await {
            Ok(outcomes) => Ok(outcomes),
            Err(PutError::Refused(error)) => Err(error),
            Err(PutError::Base64) => match put(self, view, &decode()?).await {
                Ok(outcomes) => Ok(outcomes),
                Err(PutError::Refused(error)) => Err(error),
                Err(PutError::Base64) => Err(StreamsError::NotStored),
            },
        }
    }

    /// Holds a number that the caller saw before against the stream it was given for (API PutRecord,
    /// SequenceNumberForOrdering). Order itself follows from the log: what is put later has a greater number.
    pub(crate) fn check_ordering(&self, view: &StreamView, text: &str) -> Result<(), StreamsError> {
        let known = SequenceNumber::parse(text).is_some_and(|number| {
            view.shard(number.shard).is_some_and(|shard| {
                let tail = self.0.log.tail(shard.log_id());
                shard.create_secs == number.create_secs && tail.is_ok_and(|tail| number.index <= tail.end)
            })
        });
        if known {
            return Ok(());
        }
        Err(StreamsError::InvalidArgument(format!(
            "ExclusiveMinimumSequenceNumber {text} used in PutRecord on stream {} under account {} is invalid.",
            view.key.name, view.key.account
        )))
    }
}

//! The service's replicated state: pure commands, pure `apply`, no I/O.
//!
//! Every node applies the same commands in the same order, so whatever a command decides (the next log number, which
//! shards a plan bears, whether a quota is kept) is decided here and nowhere else. What needs the outside world is
//! left as a [`Phase`]; the lifecycle worker does it and reports with another command.

pub mod channels;
mod command;
mod commitment;
mod consumers;
mod create;
pub mod encryption;
pub mod ids;
mod policy;
pub mod queues;
mod reshard;
mod resource;
mod retention;
mod settings;
pub mod stream;
mod tags;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_control::{Applied, Machine};
use serde::{Deserialize, Serialize};

pub use channels::{
    BucketOf, Channel, ChannelCommand, ChannelKey, ChannelPhase, ChannelSettings, Compression, Logging,
    RecordFormat, S3Destination, Step, StorageClass,
};
pub use command::{Changed, Command, ReshardRequest, RetentionChange, Setting};
pub use commitment::Commitment;
pub use encryption::{
    DataKeyEntry, DataKeyNumber, Encryption, EncryptionChange, EncryptionCommand, WrappedKey,
};
pub use ids::{HexKey, LogNumber, NotAShardId, ShardIndex, StreamKey, StreamUid};
pub use policy::AttachedPolicy;
pub use queues::{
    Attributes, DeadLetters, Position, Queue, QueueCommand, QueueKey, QueuePhase, Settled, Start,
};
pub use resource::Resource;
pub use stream::{Closed, Consumer, Distribution, Mode, Phase, Reshard, Shard, ShardMetric, Status, Stream};

use crate::error::StreamsError;
use stream::ViewCell;

/// What applying a command gave: a refusal changed nothing.
pub type Outcome = Result<Changed, StreamsError>;

/// All streams of all accounts and regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamsState {
    streams: BTreeMap<StreamKey, Arc<Stream>>,
    next_log: LogNumber,
    iterator_key: Option<HexKey>,
    /// Logs of expired shards that are still to be deleted.
    #[serde(default)]
    doomed: BTreeSet<LogNumber>,
    #[serde(default)]
    channels: BTreeMap<ChannelKey, Arc<Channel>>,
    /// Quotas that were changed, by `account/region` and code.
    #[serde(default)]
    quotas: BTreeMap<String, BTreeMap<String, u32>>,
    /// By account and region.
    #[serde(default)]
    commitments: BTreeMap<String, BTreeMap<String, Commitment>>,
    #[serde(default)]
    queues: BTreeMap<QueueKey, Queue>,
}

impl Machine for StreamsState {
    type Command = Command;
    type Outcome = Outcome;

    #[expect(clippy::too_many_lines, reason = "one arm for each command, and nothing else")]
    fn apply(&mut self, at: Applied, command: Command) -> Outcome {
        match command {
            Command::Init { iterator_key } => {
                self.iterator_key.get_or_insert(iterator_key);
                Ok(Changed::Done)
            }
            Command::CreateStream {
                key,
                mode,
                shards,
                tags,
                max_record_kib,
                warm_throughput_mib,
                distribution,
                quotas,
            } => {
                let wanted = create::Wanted {
                    mode,
                    shards,
                    tags,
                    max_record_kib,
                    warm_throughput_mib,
                    distribution,
                };
                self.create_stream(at, key, wanted, quotas)
            }
            Command::StreamCreated { key, uid } => self.stream_created(&key, uid),
            Command::DeleteStream { key, with_consumers } => self.delete_stream(&key, with_consumers),
            Command::StreamDeleted { key, uid } => self.stream_deleted(&key, uid),
            Command::Reshard { key, request, quotas } => self.reshard(at, &key, &request, quotas),
            Command::Resharded {
                key,
                uid,
                first,
                ends,
            } => self.resharded(at, &key, uid, first, &ends),
            Command::SetRetention { key, hours, change } => self.set_retention(&key, hours, change),
            Command::ExpireShards {
                key,
                uid,
                horizon,
                shards,
            } => self.expire_shards(&key, uid, horizon, &shards),
            Command::LogsDeleted { logs } => {
                for log in logs {
                    self.doomed.remove(&log);
                }
                Ok(Changed::Done)
            }
            Command::Tag {
                resource,
                tags,
                quotas,
            } => self.tag(&resource, tags, quotas),
            Command::Encryption { key, command } => self.change_encryption(at, &key, command),
            Command::Channel { key, command } => self.change_channel(at, key, command),
            Command::Untag { resource, keys } => self.untag(&resource, &keys),
            Command::SetPolicy { resource, policy } => self.set_policy(&resource, policy),
            Command::RegisterConsumer {
                key,
                name,
                tags,
                quotas,
            } => self.register_consumer(at, &key, name, tags, quotas),
            Command::DeregisterConsumer {
                key,
                name,
                created_secs,
            } => self.deregister_consumer(&key, &name, created_secs),
            Command::ConsumerSettled {
                key,
                uid,
                name,
                created,
            } => self.consumer_settled(&key, uid, &name, created),
            Command::Set { key, setting, quotas } => self.set(at, &key, setting, quotas),
            Command::SetQuota {
                account,
                region,
                code,
                value,
            } => {
                let place = self.quotas.entry(format!("{account}/{region}")).or_default();
                place.insert(code, value);
                Ok(Changed::Done)
            }
            Command::SetCommitment {
                account,
                region,
                enabled,
            } => self.set_commitment(at, account, region, enabled),
            Command::Queue(command) => self.apply_queue(at, command),
        }
    }
}

impl StreamsState {
    /// The service's secret, in hex, once it was given one.
    #[must_use]
    pub fn iterator_key(&self) -> Option<&str> {
        self.iterator_key.as_ref().map(HexKey::expose)
    }

    /// A stream.
    #[must_use]
    pub fn stream(&self, key: &StreamKey) -> Option<&Arc<Stream>> {
        self.streams.get(key)
    }

    /// Every stream of every account and region.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamKey, &Arc<Stream>)> {
        self.streams.iter()
    }

    /// The streams of one account in one region with a name greater than `after`, by name.
    pub fn streams_of<'a>(
        &'a self,
        account: &'a str,
        region: &'a str,
        after: &str,
    ) -> impl Iterator<Item = (&'a StreamKey, &'a Arc<Stream>)> {
        let from = StreamKey::new(account, region, after);
        self.streams
            .range((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.account == account && key.region == region)
    }

    /// Quotas of an account in a region that were changed, by code.
    #[must_use]
    pub fn changed_quotas(&self, account: &str, region: &str) -> BTreeMap<String, u32> {
        if self.quotas.is_empty() {
            return BTreeMap::new();
        }
        let place = self.quotas.get(&format!("{account}/{region}"));
        place.cloned().unwrap_or_default()
    }

    /// Logs of expired shards that are still to be deleted.
    #[must_use]
    pub fn doomed(&self) -> &BTreeSet<LogNumber> {
        &self.doomed
    }

    /// Open shards of provisioned streams, those that a reshard is about to bear included, and the number of
    /// on-demand streams, of one account in one region.
    #[must_use]
    pub fn usage(&self, account: &str, region: &str) -> Usage {
        let mut usage = Usage::default();
        for (_, stream) in self.streams_of(account, region, "") {
            usage.streams += 1;
            match stream.phase {
                Phase::Creating => usage.creating += 1,
                Phase::Deleting { .. } => continue,
                Phase::Active | Phase::Resharding(_) | Phase::Encrypting(_) => {}
            }
            match stream.mode {
                Mode::Provisioned => {
                    let growth = match &stream.phase {
                        Phase::Resharding(reshard) => u32::try_from(reshard.growth()).unwrap_or(0),
                        Phase::Creating | Phase::Active | Phase::Encrypting(_) | Phase::Deleting { .. } => 0,
                    };
                    usage.shards = usage
                        .shards
                        .saturating_add(stream.open_count())
                        .saturating_add(growth);
                }
                Mode::OnDemand => usage.on_demand += 1,
            }
        }
        usage
    }

    /// The only way to change a stream: whatever was derived from it is forgotten.
    fn stream_mut(&mut self, key: &StreamKey) -> Option<&mut Stream> {
        let stream = Arc::make_mut(self.streams.get_mut(key)?);
        stream.view = ViewCell::default();
        Some(stream)
    }

    /// An active stream that is about to be changed.
    fn active_mut(&mut self, key: &StreamKey) -> Result<&mut Stream, StreamsError> {
        let stream = self
            .stream_mut(key)
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
        match stream.status() {
            Status::Active => Ok(stream),
            other => Err(StreamsError::StreamNotActive(key.clone(), other)),
        }
    }

    /// `count` log numbers that were never used; yields the first.
    fn take_logs(&mut self, count: usize) -> LogNumber {
        let first = self.next_log;
        self.next_log = LogNumber(first.0.saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
        first
    }
}

/// What an account has in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Streams in any state.
    pub streams: u32,
    /// Streams that are CREATING.
    pub creating: u32,
    /// On-demand streams.
    pub on_demand: u32,
    /// Open shards of provisioned streams.
    pub shards: u32,
}

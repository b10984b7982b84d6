//! What may happen to the state. Commands are stored: a variant or field is never renamed or reused, and a new field
//! needs a serde default.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_base::Timestamp;
use millrace_log::Offset;
use serde::{Deserialize, Serialize};

use super::{
    Channel, ChannelCommand, ChannelKey, Consumer, Distribution, EncryptionCommand, HexKey, LogNumber, Mode,
    Queue, QueueCommand, Resource, ShardIndex, ShardMetric, StreamKey, StreamUid,
};
use crate::limits::Quotas;

/// A decided change. The time is that of the control log, so no command carries one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Gives the service its secret, once; a second one changes nothing.
    Init {
        /// 32 random bytes in hex; authenticates shard iterators and page tokens.
        iterator_key: HexKey,
    },
    /// CreateStream.
    CreateStream {
        /// Which.
        key: StreamKey,
        /// Capacity mode.
        mode: Mode,
        /// Number of shards.
        shards: u32,
        /// Tags.
        tags: BTreeMap<String, String>,
        /// Largest record in KiB.
        max_record_kib: u32,
        /// Warm throughput in MiB/s.
        #[serde(default)]
        warm_throughput_mib: Option<u32>,
        /// How records find their shards.
        #[serde(default)]
        distribution: Distribution,
        /// What the account may have.
        quotas: Quotas,
    },
    /// The logs of a stream that is created are there.
    StreamCreated {
        /// Which.
        key: StreamKey,
        /// And no later one of that name.
        uid: StreamUid,
    },
    /// DeleteStream.
    DeleteStream {
        /// Which.
        key: StreamKey,
        /// `EnforceConsumerDeletion`.
        with_consumers: bool,
    },
    /// The logs of a stream that is deleted are gone.
    StreamDeleted {
        /// Which.
        key: StreamKey,
        /// And no later one of that name.
        uid: StreamUid,
    },
    /// SplitShard, MergeShards or UpdateShardCount.
    Reshard {
        /// Which.
        key: StreamKey,
        /// How.
        request: ReshardRequest,
        /// What the account may have.
        quotas: Quotas,
    },
    /// The logs of the births are created, those of the parents sealed.
    Resharded {
        /// Which.
        key: StreamKey,
        /// And no later one of that name.
        uid: StreamUid,
        /// Index of the plan's first birth; tells this reshard from a later one.
        first: ShardIndex,
        /// Where the parents' logs ended; parents that are not listed ended empty.
        ends: Vec<(ShardIndex, Offset)>,
    },
    /// Increase- or DecreaseStreamRetentionPeriod.
    SetRetention {
        /// Which.
        key: StreamKey,
        /// New retention.
        hours: u32,
        /// Which of the two was called.
        change: RetentionChange,
    },
    /// Closed shards whose records are all older than retention.
    ExpireShards {
        /// Which.
        key: StreamKey,
        /// And no later one of that name.
        uid: StreamUid,
        /// Only those of them that were closed at this time or before are removed.
        horizon: Timestamp,
        /// Candidates.
        shards: Vec<ShardIndex>,
    },
    /// Logs of expired shards are deleted.
    LogsDeleted {
        /// Which.
        logs: Vec<LogNumber>,
    },
    /// AddTagsToStream, TagResource.
    Tag {
        /// What is tagged.
        resource: Resource,
        /// Added, or replaced.
        tags: BTreeMap<String, String>,
        /// What a resource may have.
        quotas: Quotas,
    },
    /// RemoveTagsFromStream, UntagResource.
    Untag {
        /// What is tagged.
        resource: Resource,
        /// Removed where they are there.
        keys: Vec<String>,
    },
    /// PutResourcePolicy, DeleteResourcePolicy.
    SetPolicy {
        /// Whose.
        resource: Resource,
        /// As it was put; absent to remove it.
        policy: Option<String>,
    },
    /// RegisterStreamConsumer.
    RegisterConsumer {
        /// Of which stream.
        key: StreamKey,
        /// Its name.
        name: String,
        /// Its tags.
        tags: BTreeMap<String, String>,
        /// What a stream may have.
        quotas: Quotas,
    },
    /// DeregisterStreamConsumer.
    DeregisterConsumer {
        /// Of which stream.
        key: StreamKey,
        /// Its name.
        name: String,
        /// From its ARN, where one was given.
        created_secs: Option<u64>,
    },
    /// A consumer's transition is over: one that is created becomes active, one that is deleted goes.
    ConsumerSettled {
        /// Of which stream.
        key: StreamKey,
        /// And no later one of that name.
        uid: StreamUid,
        /// Its name.
        name: String,
        /// And no later one of that name.
        created: Timestamp,
    },
    /// Changes what a stream is set to, besides its shards and its retention.
    Set {
        /// Which.
        key: StreamKey,
        /// To what.
        setting: Setting,
        /// What the account may have.
        quotas: Quotas,
    },
    /// Something happens to a channel.
    Channel {
        /// Which.
        key: ChannelKey,
        /// What.
        command: ChannelCommand,
    },
    /// Another quota for an account in a region.
    SetQuota {
        /// Whose.
        account: String,
        /// Where.
        region: String,
        /// Which, of [`crate::quotas::QUOTAS`].
        code: String,
        /// How much.
        value: u32,
    },
    /// What happens to a stream's encryption.
    Encryption {
        /// Which stream.
        key: StreamKey,
        /// What happens.
        command: EncryptionCommand,
    },
    /// UpdateAccountSettings.
    SetCommitment {
        /// Whose.
        account: String,
        /// Where.
        region: String,
        /// Whether it is entered or left.
        enabled: bool,
    },
    /// What happens to queues.
    Queue(QueueCommand),
}

/// What a stream can be set to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// UpdateStreamMode.
    Mode {
        /// New capacity mode.
        mode: Mode,
        /// Warm throughput in MiB/s, where it is to change, too.
        warm_throughput_mib: Option<u32>,
    },
    /// UpdateStreamWarmThroughput, in MiB/s.
    WarmThroughput(u32),
    /// UpdateMaxRecordSize, in KiB.
    MaxRecord(u32),
    /// UpdateStreamRecordDistributionStrategy.
    Distribution(Distribution),
    /// Enable- or DisableEnhancedMonitoring.
    Monitoring {
        /// Which metrics.
        metrics: BTreeSet<ShardMetric>,
        /// Which of the two was called.
        enable: bool,
    },
}

/// How to reshard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReshardRequest {
    /// SplitShard.
    Split {
        /// `ShardToSplit`.
        shard: String,
        /// `NewStartingHashKey`, decimal.
        at: String,
    },
    /// MergeShards.
    Merge {
        /// `ShardToMerge`.
        shard: String,
        /// `AdjacentShardToMerge`.
        adjacent: String,
    },
    /// What the load of an on-demand stream asks for.
    Scale {
        /// The stream that was measured, and no later one of that name.
        uid: StreamUid,
        /// Shards, with the hash key at which the upper part starts, decimal.
        splits: Vec<(ShardIndex, String)>,
        /// Pairs of adjacent shards.
        merges: Vec<(ShardIndex, ShardIndex)>,
    },
    /// UpdateShardCount, `UNIFORM_SCALING`.
    Uniform {
        /// `TargetShardCount`.
        target: u32,
    },
}

/// Which operation sets retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionChange {
    /// IncreaseStreamRetentionPeriod
    Increase,
    /// DecreaseStreamRetentionPeriod
    Decrease,
}

/// What a command did, for whoever proposed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was done, or there was nothing left to do.
    Done,
    /// A consumer was registered.
    Registered(Consumer),
    /// A reshard began.
    Resharding {
        /// Open shards before.
        from: u32,
        /// Open shards after.
        to: u32,
    },
    /// A channel was created or changed.
    Channel(Arc<Channel>),
    /// Monitoring was set.
    Monitoring {
        /// Metrics before.
        current: BTreeSet<ShardMetric>,
        /// Metrics after.
        desired: BTreeSet<ShardMetric>,
    },
    /// A queue was created or updated.
    Queue(Box<Queue>),
}

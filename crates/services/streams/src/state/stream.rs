//! A stream, its shards and its consumers, as they are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use millrace_base::Timestamp;
use millrace_log::{LogId, Offset};
use serde::{Deserialize, Serialize};

use super::{AttachedPolicy, Encryption, EncryptionChange, LogNumber, ShardIndex, StreamKey, StreamUid};
use crate::limits::ON_DEMAND_SHARDS;
use crate::routing::StreamView;
use crate::topology::cover::Life;
use crate::topology::{Birth, HashRange, Piece};

/// Capacity mode (`StreamMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The caller says how many shards there are.
    Provisioned,
    /// The service does.
    OnDemand,
}

/// How records find their shards (`RecordDistributionStrategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// By partition key or explicit hash key.
    #[default]
    UserPartitionKey,
    /// Evenly; keys need not be given and do not count.
    Auto,
}

/// A metric that can be kept for each shard (`MetricsName`), in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardMetric {
    /// Bytes put.
    IncomingBytes,
    /// Records put.
    IncomingRecords,
    /// Age of the last record read, in milliseconds.
    IteratorAgeMilliseconds,
    /// Bytes read.
    OutgoingBytes,
    /// Records read.
    OutgoingRecords,
    /// Reads refused.
    ReadProvisionedThroughputExceeded,
    /// Records refused.
    WriteProvisionedThroughputExceeded,
}

impl ShardMetric {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::IncomingBytes,
        Self::IncomingRecords,
        Self::IteratorAgeMilliseconds,
        Self::OutgoingBytes,
        Self::OutgoingRecords,
        Self::ReadProvisionedThroughputExceeded,
        Self::WriteProvisionedThroughputExceeded,
    ];
}

/// What clients see of a stream's or a consumer's phase (`StreamStatus`, `ConsumerStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not usable yet.
    Creating,
    /// Everything is allowed.
    Active,
    /// Data flows; the control plane refuses changes.
    Updating,
    /// On its way out.
    Deleting,
}

impl Status {
    /// The value on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

/// What is still to be done before a stream rests. The lifecycle worker does it, on whichever node, again after a
/// crash: every step may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The shards' logs have to be created.
    Creating,
    /// Nothing.
    Active,
    /// Shards have to be closed and born.
    Resharding(Reshard),
    /// The stream's encryption is about to change.
    Encrypting(EncryptionChange),
    /// The logs have to be deleted.
    Deleting {
        /// Logs of shards that a reshard did not come to bear.
        unborn: Vec<LogNumber>,
    },
}

/// A reshard under way: the logs of `births` are created, the parents' logs sealed, then `Command::Resharded` makes
/// it visible at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshard {
    /// Shards to be born, in the order of their indices; parents come before their children.
    pub births: Vec<Birth>,
    /// Log of the first birth; the others follow.
    pub first_log: LogNumber,
}

impl Reshard {
    /// The births with their logs.
    pub fn logs(&self) -> impl Iterator<Item = (&Birth, LogNumber)> {
        self.births
            .iter()
            .zip(self.first_log.0..)
            .map(|(birth, log)| (birth, LogNumber(log)))
    }

    /// Shards that will be open more than now; negative after merges.
    #[must_use]
    pub fn growth(&self) -> i64 {
        let merged = self
            .births
            .iter()
            .filter(|birth| birth.adjacent_parent.is_some())
            .count();
        // A split is two births and one shard more, a merge one birth and one shard less.
        let split = (self.births.len() - merged) / 2;
        i64::try_from(split)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(merged).unwrap_or(i64::MAX))
    }

    /// Every parent in the plan, born within it or not.
    pub fn parents(&self) -> impl Iterator<Item = ShardIndex> {
        self.births
            .iter()
            .flat_map(|birth| std::iter::once(birth.parent).chain(birth.adjacent_parent))
    }
}

/// How a shard was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When; its children were born at this very time. Later than any earlier birth in the stream.
    pub at: Timestamp,
    /// One behind its last record.
    pub end: Offset,
}

/// A shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its number within the stream.
    pub index: ShardIndex,
    /// The log that holds its records.
    pub log: LogNumber,
    /// Its hash keys.
    pub range: HashRange,
    /// `ParentShardId`; the parent may have expired.
    pub parent: Option<ShardIndex>,
    /// `AdjacentParentShardId`.
    pub adjacent_parent: Option<ShardIndex>,
    /// When it was born.
    pub created: Timestamp,
    /// Creation second in its sequence numbers: later than every parent's, so that sequence numbers grow along
    /// lines of descent; after several reshards within one second that is in the future.
    pub create_secs: u64,
    /// Set once it takes no more records.
    pub closed: Option<Closed>,
}

impl Shard {
    /// Its log in the engine.
    #[must_use]
    pub const fn log_id(&self) -> LogId {
        self.log.id()
    }

    /// Whether it takes records.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Whether all its records are older than `oldest`, which makes it disappear.
    #[must_use]
    pub fn is_expired(&self, oldest: Timestamp) -> bool {
        self.closed.is_some_and(|closed| closed.at <= oldest)
    }

    /// When it lived.
    #[must_use]
    pub fn life(&self) -> Life {
        Life {
            created: self.created,
            closed: self.closed.map(|closed| closed.at),
        }
    }

    /// Whether `other` is one of its parents.
    #[must_use]
    pub fn is_child_of(&self, other: ShardIndex) -> bool {
        self.parent == Some(other) || self.adjacent_parent == Some(other)
    }
}

/// A consumer with enhanced fan-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Its name, unique within the stream.
    pub name: String,
    /// When it was registered; its second is part of its ARN.
    pub created: Timestamp,
    /// Never [`Status::Updating`].
    pub status: Status,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its resource policy.
    #[serde(default, skip_serializing_if = "AttachedPolicy::is_none")]
    pub policy: AttachedPolicy,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Never used twice.
    pub uid: StreamUid,
    /// When it was created.
    pub created: Timestamp,
    /// What is still to be done.
    pub phase: Phase,
    /// Capacity mode.
    pub mode: Mode,
    /// Retention of records, in hours.
    pub retention_hours: u32,
    /// Largest record, data and partition key, in KiB.
    pub max_record_kib: u32,
    /// Target of warm throughput in MiB/s, where one was asked for.
    #[serde(default)]
    pub warm_throughput_mib: Option<u32>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Open shards, and closed ones until they expire.
    pub shards: BTreeMap<ShardIndex, Shard>,
    /// Index of the next shard to be born.
    pub next_shard: ShardIndex,
    /// Consumers by name.
    #[serde(default)]
    pub consumers: BTreeMap<String, Consumer>,
    /// When UpdateShardCount was accepted within the last day.
    #[serde(default)]
    pub scalings: Vec<Timestamp>,
    /// How records find their shards.
    #[serde(default)]
    pub distribution: Distribution,
    /// Metrics that are kept for each shard.
    #[serde(default)]
    pub monitoring: BTreeSet<ShardMetric>,
    /// When the capacity mode was changed within the last day.
    #[serde(default)]
    pub mode_changes: Vec<Timestamp>,
    /// How its records are encrypted.
    #[serde(default)]
    pub encryption: Arc<Encryption>,
    /// Its resource policy.
    #[serde(default, skip_serializing_if = "AttachedPolicy::is_none")]
    pub policy: AttachedPolicy,
    /// What the data plane reads; made when it is first asked for after a change.
    #[serde(skip)]
    pub(crate) view: ViewCell,
}

impl Stream {
    /// What clients see.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self.phase {
            Phase::Creating => Status::Creating,
            Phase::Active => Status::Active,
            Phase::Resharding(_) | Phase::Encrypting(_) => Status::Updating,
            Phase::Deleting { .. } => Status::Deleting,
        }
    }

    /// How long records are kept.
    #[must_use]
    pub const fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_hours as u64 * 3600)
    }

    /// The time before which records are older than retention. It may lie before the stream's creation.
    #[must_use]
    pub fn oldest(&self, now: Timestamp) -> Timestamp {
        now.minus(self.retention())
    }

    /// When the newest shard was born. Every later birth has a later time, so what was open at this time or before
    /// never changes again. It is that of the greatest index: whatever expires was closed, and has children.
    #[must_use]
    pub fn newest(&self) -> Timestamp {
        self.shards
            .last_key_value()
            .map_or(self.created, |(_, shard)| shard.created)
    }

    /// Its open shards, by index.
    pub fn open_shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.values().filter(|shard| shard.is_open())
    }

    /// Number of open shards.
    #[must_use]
    pub fn open_count(&self) -> u32 {
        u32::try_from(self.open_shards().count()).unwrap_or(u32::MAX)
    }

    /// Open shards that scaling by load leaves an on-demand stream at least.
    #[must_use]
    pub fn least_shards(&self) -> u32 {
        ON_DEMAND_SHARDS.max(self.warm_throughput_mib.unwrap_or(0))
    }

    /// Its open shards, as plans see them.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece> {
        self.open_shards()
            .map(|shard| Piece {
                index: shard.index,
                range: shard.range,
            })
            .collect()
    }

    /// The data plane's view, made once per change.
    pub(crate) fn view(&self, key: &StreamKey) -> Arc<StreamView> {
        Arc::clone(self.view.0.get_or_init(|| Arc::new(StreamView::of(key, self))))
    }
}

/// A derived value: no part of the state, equal to every other.
#[derive(Clone, Debug, Default)]
pub(crate) struct ViewCell(OnceLock<Arc<StreamView>>);

impl PartialEq for ViewCell {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ViewCell {}

//! What the data plane needs to know of a stream, ready to be used by any number of calls at once.
//!
//! [`Streams::view`](crate::Streams::view) yields an `Arc<StreamView>` in the time of a map lookup: the view is
//! made once after a change of the stream and shared until the next one. A view is a moment of the past: a shard
//! that it shows open may be sealed already. An append that fails with `LogError::Sealed` therefore waits for
//! [`Streams::changed`](crate::Streams::changed) and resolves again; the children are one control command away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millrace_base::Timestamp;
use millrace_wire::policy::Policy;

use crate::state::{
    Consumer, Distribution, Encryption, Mode, Shard, ShardIndex, Status, Stream, StreamKey, StreamUid,
};
use crate::telemetry::MeterCell;

/// A stream at one moment.
#[derive(Clone, Debug)]
pub struct StreamView {
    /// Where it lives and what it is called.
    pub key: StreamKey,
    /// Its ARN.
    pub arn: String,
    /// Tells it from an earlier stream of the same name: belongs into iterators.
    pub uid: StreamUid,
    /// What clients see. Data flows in `Active` and `Updating`; see [`StreamView::has_data`].
    pub status: Status,
    /// Capacity mode.
    pub mode: Mode,
    /// When it was created.
    pub created: Timestamp,
    /// How long records are kept.
    pub retention: Duration,
    /// Largest record, data and partition key together, in bytes.
    pub record_bytes_max: usize,
    /// How records find their shards.
    pub distribution: Distribution,
    /// How records are encrypted.
    pub encryption: Arc<Encryption>,
    /// Whether metrics are kept for each shard.
    pub monitored: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its resource policy.
    pub policy: Option<Policy>,
    /// Consumers by name.
    pub consumers: BTreeMap<String, Consumer>,
    /// Where its calls are counted.
    pub(crate) meter: MeterCell,
    /// All shards within retention, by index.
    shards: Vec<Shard>,
    /// Highest hash key and position in `shards` of every open shard, ascending.
    open: Vec<(u128, u32)>,
}

impl StreamView {
    pub(crate) fn of(key: &StreamKey, stream: &Stream) -> Self {
        let shards: Vec<Shard> = stream.shards.values().copied().collect();
        let mut open: Vec<(u128, u32)> = (0u32..)
            .zip(&shards)
            .filter(|(_, shard)| shard.is_open())
            .map(|(i, s)| (s.range.end, i))
            .collect();
        open.sort_unstable();
        Self {
            key: key.clone(),
            arn: key.arn(),
            uid: stream.uid,
            status: stream.status(),
            mode: stream.mode,
            created: stream.created,
            retention: stream.retention(),
            record_bytes_max: usize::try_from(stream.max_record_kib)
                .unwrap_or(usize::MAX)
                .saturating_mul(1024),
            distribution: stream.distribution,
            encryption: Arc::clone(&stream.encryption),
            monitored: !stream.monitoring.is_empty(),
            tags: stream.tags.clone(),
            policy: stream.policy.policy().cloned(),
            consumers: stream.consumers.clone(),
            meter: MeterCell::default(),
            shards,
            open,
        }
    }

    /// Whether data can be written and read: neither CREATING nor DELETING.
    #[must_use]
    pub const fn has_data(&self) -> bool {
        matches!(self.status, Status::Active | Status::Updating)
    }

    /// Whether new records are encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encryption.current().is_some()
    }

    /// The open shard that takes `hash`; open shards tile the hash-key space, so there is always one once the stream
    /// has been created.
    #[must_use]
    pub fn route(&self, hash: u128) -> Option<&Shard> {
        let at = self.open.partition_point(|(end, _)| *end < hash);
        let (_, position) = self.open.get(at)?;
        self.shards.get(usize::try_from(*position).ok()?)
    }

    /// Number of open shards.
    #[must_use]
    pub fn open_count(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX)
    }

    /// A shard by number; `None` when there is none or it expired.
    #[must_use]
    pub fn shard(&self, index: ShardIndex) -> Option<&Shard> {
        let at = self
            .shards
            .binary_search_by_key(&index, |shard| shard.index)
            .ok()?;
        self.shards.get(at)
    }

    /// A shard by `ShardId`.
    #[must_use]
    pub fn shard_by_id(&self, id: &str) -> Option<&Shard> {
        self.shard(id.parse().ok()?)
    }

    /// All shards within retention, by index.
    #[must_use]
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shards born from `parent`, by index: what `ChildShards` lists at the end of a closed shard.
    pub fn children(&self, parent: ShardIndex) -> impl Iterator<Item = &Shard> {
        // Indices grow, so children stand behind their parents.
        let behind = self.shards.partition_point(|shard| shard.index <= parent);
        self.shards
            .iter()
            .skip(behind)
            .filter(move |shard| shard.is_child_of(parent))
    }

    /// The oldest time within retention. It may lie before the stream's creation: after the wall clock was set back,
    /// records are older than a stream whose time came from a log that had seen the later one.
    #[must_use]
    pub fn horizon(&self, now: Timestamp) -> Timestamp {
        now.minus(self.retention)
    }
}

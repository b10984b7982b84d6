//! Streams come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use millrace_control::Applied;

use super::settings::hold_distribution;
use super::{
    Changed, Distribution, Mode, Outcome, Phase, Shard, ShardIndex, Status, Stream, StreamKey, StreamUid,
    StreamsState,
};
use crate::error::StreamsError;
use crate::limits::{Quotas, RETENTION_HOURS_MIN};
use crate::queues::QueueError;
use crate::topology::HashRange;

/// What CreateStream asks for.
pub(super) struct Wanted {
    pub(super) mode: Mode,
    pub(super) shards: u32,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) max_record_kib: u32,
    pub(super) warm_throughput_mib: Option<u32>,
    pub(super) distribution: Distribution,
}

impl StreamsState {
    pub(super) fn create_stream(
        &mut self,
        at: Applied,
        key: StreamKey,
        wanted: Wanted,
        quotas: Quotas,
    ) -> Outcome {
        if self.streams.contains_key(&key) {
            return Err(StreamsError::StreamExists(key));
        }
        self.hold_creation(&key, &wanted, quotas)?;
        hold_distribution(&key, wanted.mode, wanted.distribution)?;
        let ranges = HashRange::uniform(wanted.shards);
        let first_log = self.take_logs(ranges.len());
        let shards: BTreeMap<ShardIndex, Shard> = (0u32..)
            .zip(ranges)
            .map(|(i, range)| {
                let shard = Shard {
                    index: ShardIndex(i),
                    log: super::LogNumber(first_log.0 + u64::from(i)),
                    range,
                    parent: None,
                    adjacent_parent: None,
                    created: at.time,
                    create_secs: at.time.seconds(),
                    closed: None,
                };
                (shard.index, shard)
            })
            .collect();
        let stream = Stream {
            uid: StreamUid(at.index),
            created: at.time,
            phase: Phase::Creating,
            mode: wanted.mode,
            retention_hours: RETENTION_HOURS_MIN,
            max_record_kib: wanted.max_record_kib,
            warm_throughput_mib: wanted.warm_throughput_mib,
            tags: wanted.tags,
            next_shard: ShardIndex(wanted.shards),
            shards,
            consumers: BTreeMap::new(),
            scalings: Vec::new(),
            distribution: wanted.distribution,
            monitoring: BTreeSet::new(),
            mode_changes: Vec::new(),
            encryption: Arc::default(),
            policy: super::AttachedPolicy::default(),
            view: super::ViewCell::default(),
        };
        self.streams.insert(key, Arc::new(stream));
        Ok(Changed::Done)
    }

    fn hold_creation(&self, key: &StreamKey, wanted: &Wanted, quotas: Quotas) -> Result<(), StreamsError> {
        let usage = self.usage(&key.account, &key.region);
        if usage.creating >= quotas.streams_creating {
            return Err(StreamsError::LimitExceeded(format!(
                "Account {} has {} streams in state CREATING in {}; at most {} can be created at the same time.",
                key.account, usage.creating, key.region, quotas.streams_creating
            )));
        }
        if usage.streams >= quotas.streams_per_account {
            return Err(StreamsError::LimitExceeded(format!(
                "Account {} has {} streams in {}, which is the limit: delete streams that are not needed.",
                key.account, usage.streams, key.region
            )));
        }
        match wanted.mode {
            Mode::OnDemand if usage.on_demand >= quotas.on_demand_streams => {
                Err(StreamsError::OnDemandLimit {
                    key: key.clone(),
                    current: usage.on_demand,
                    limit: quotas.on_demand_streams,
                })
            }
            Mode::OnDemand => Ok(()),
            Mode::Provisioned => {
                let within = wanted.shards <= quotas.shards_per_stream
                    && usage.shards.saturating_add(wanted.shards) <= quotas.shards_per_account;
                if within {
                    return Ok(());
                }
                Err(StreamsError::ShardLimit {
                    key: key.clone(),
                    current: usage.shards,
                    limit: quotas.shards_per_account.min(quotas.shards_per_stream),
                    more: wanted.shards,
                })
            }
        }
    }

    pub(super) fn stream_created(&mut self, key: &StreamKey, uid: StreamUid) -> Outcome {
        if let Some(stream) = self.stream_mut(key)
            && stream.uid == uid
            && stream.phase == Phase::Creating
        {
            stream.phase = Phase::Active;
        }
        Ok(Changed::Done)
    }

    pub(super) fn delete_stream(&mut self, key: &StreamKey, with_consumers: bool) -> Outcome {
        let channels = self.channels_on(key);
        let queues = self.queue_count(key);
        let stream = self
            .stream_mut(key)
            .ok_or_else(|| StreamsError::StreamNotFound(key.clone()))?;
        if queues > 0 {
            return Err(QueueError::StreamHasQueues(key.clone(), queues).into());
        }
        let consumers = stream.consumers.len();
        if consumers > 0 && !with_consumers {
            return Err(StreamsError::StreamHasConsumers(key.clone(), consumers));
        }
        if channels > 0 {
            return Err(StreamsError::StreamHasChannels(key.clone(), channels));
        }
        let unborn = match &stream.phase {
            Phase::Deleting { .. } => {
                return Err(StreamsError::StreamNotActive(key.clone(), Status::Deleting));
            }
            Phase::Resharding(reshard) => reshard.logs().map(|(_, log)| log).collect(),
            Phase::Creating | Phase::Active | Phase::Encrypting(_) => Vec::new(),
        };
        stream.phase = Phase::Deleting { unborn };
        stream.consumers.clear();
        Ok(Changed::Done)
    }

    pub(super) fn stream_deleted(&mut self, key: &StreamKey, uid: StreamUid) -> Outcome {
        let gone = self
            .streams
            .get(key)
            .is_some_and(|stream| stream.uid == uid && matches!(stream.phase, Phase::Deleting { .. }));
        if gone {
            self.streams.remove(key);
        }
        Ok(Changed::Done)
    }
}

//! From the state's words to those of the API.

use std::collections::BTreeSet;

use millrace_api::kinesis as api;
use millrace_api::value::EpochMillis;
use millrace_base::Timestamp;
use millrace_wire::arn::Arn;

use crate::sequence;
use crate::state::{
    Commitment, Consumer, Distribution, Encryption, Mode, Shard, ShardMetric, Status, Stream, StreamKey,
};

/// `Shard`
pub(crate) fn shard(shard: &Shard) -> api::Shard {
    api::Shard {
        shard_id: shard.index.to_string(),
        parent_shard_id: shard.parent.map(|parent| parent.to_string()),
        adjacent_parent_shard_id: shard.adjacent_parent.map(|parent| parent.to_string()),
        hash_key_range: api::HashKeyRange {
            starting_hash_key: shard.range.start.to_string(),
            ending_hash_key: shard.range.end.to_string(),
        },
        sequence_number_range: api::SequenceNumberRange {
            starting_sequence_number: sequence::starting(shard).to_string(),
            ending_sequence_number: sequence::ending(shard).map(|number| number.to_string()),
        },
    }
}

/// `Consumer`
pub(crate) fn consumer(key: &StreamKey, consumer: &Consumer) -> api::Consumer {
    api::Consumer {
        consumer_name: consumer.name.clone(),
        consumer_arn: consumer_arn(key, consumer),
        consumer_status: consumer_status(consumer.status),
        consumer_creation_timestamp: time(consumer.created),
    }
}

/// `StreamStatus`
pub(crate) const fn stream_status(status: Status) -> api::StreamStatus {
    match status {
        Status::Creating => api::StreamStatus::Creating,
        Status::Active => api::StreamStatus::Active,
        Status::Updating => api::StreamStatus::Updating,
        Status::Deleting => api::StreamStatus::Deleting,
    }
}

/// `ConsumerStatus`; a consumer is never updated.
pub(crate) const fn consumer_status(status: Status) -> api::ConsumerStatus {
    match status {
        Status::Creating => api::ConsumerStatus::Creating,
        Status::Active | Status::Updating => api::ConsumerStatus::Active,
        Status::Deleting => api::ConsumerStatus::Deleting,
    }
}

/// `StreamModeDetails`
pub(crate) const fn mode(mode: Mode) -> api::StreamModeDetails {
    let stream_mode = match mode {
        Mode::Provisioned => api::StreamMode::Provisioned,
        Mode::OnDemand => api::StreamMode::OnDemand,
    };
    api::StreamModeDetails { stream_mode }
}

/// The mode that `StreamModeDetails` names.
pub(crate) const fn mode_of(details: &api::StreamModeDetails) -> Mode {
    match details.stream_mode {
        api::StreamMode::OnDemand => Mode::OnDemand,
        _ => Mode::Provisioned,
    }
}

/// `RecordDistributionStrategy`
pub(crate) const fn distribution(distribution: Distribution) -> api::RecordDistributionStrategy {
    match distribution {
        Distribution::UserPartitionKey => api::RecordDistributionStrategy::UserPartitionKey,
        Distribution::Auto => api::RecordDistributionStrategy::Auto,
    }
}

/// What `RecordDistributionStrategy` names.
pub(crate) const fn distribution_of(strategy: &api::RecordDistributionStrategy) -> Distribution {
    match strategy {
        api::RecordDistributionStrategy::Auto => Distribution::Auto,
        _ => Distribution::UserPartitionKey,
    }
}

/// `EncryptionType` of a stream.
pub(crate) const fn encryption_type(encryption: &Encryption) -> api::EncryptionType {
    if encryption.key_id.is_some() {
        api::EncryptionType::Kms
    } else {
        api::EncryptionType::None
    }
}

/// `WarmThroughputObject` of a stream that has a target: each open shard takes 1 MiB/s.
pub(crate) fn warm_throughput(stream: &Stream, open: u32) -> Option<api::WarmThroughputObject> {
    let target = stream.warm_throughput_mib?;
    Some(api::WarmThroughputObject {
        target_mibps: Some(count(target)),
        current_mibps: Some(count(target.min(open))),
    })
}

/// `EnhancedMetricsList`
pub(crate) fn monitoring(stream: &Stream) -> Vec<api::EnhancedMetrics> {
    vec![api::EnhancedMetrics {
        shard_level_metrics: Some(shard_metrics(&stream.monitoring)),
    }]
}

/// `MetricsNameList`
pub(crate) fn shard_metrics<'a>(metrics: impl IntoIterator<Item = &'a ShardMetric>) -> Vec<api::MetricsName> {
    metrics.into_iter().copied().map(shard_metric).collect()
}

/// What `MetricsNameList` names; `ALL` is all of them.
pub(crate) fn shard_metrics_of(names: &[api::MetricsName]) -> BTreeSet<ShardMetric> {
    let all = names.contains(&api::MetricsName::All);
    let metrics = ShardMetric::ALL.into_iter();
    metrics
        .filter(|metric| all || names.contains(&shard_metric(*metric)))
        .collect()
}

/// `MetricsName`
const fn shard_metric(metric: ShardMetric) -> api::MetricsName {
    match metric {
        ShardMetric::IncomingBytes => api::MetricsName::IncomingBytes,
        ShardMetric::IncomingRecords => api::MetricsName::IncomingRecords,
        ShardMetric::IteratorAgeMilliseconds => api::MetricsName::IteratorAgeMilliseconds,
        ShardMetric::OutgoingBytes => api::MetricsName::OutgoingBytes,
        ShardMetric::OutgoingRecords => api::MetricsName::OutgoingRecords,
        ShardMetric::ReadProvisionedThroughputExceeded => api::MetricsName::ReadProvisionedThroughputExceeded,
        ShardMetric::WriteProvisionedThroughputExceeded => {
            api::MetricsName::WriteProvisionedThroughputExceeded
        }
    }
}

/// `MinimumThroughputBillingCommitmentOutput`
pub(crate) fn commitment(
    commitment: Option<Commitment>,
    now: Timestamp,
) -> api::MinimumThroughputBillingCommitmentOutput {
    use api::MinimumThroughputBillingCommitmentOutputStatus as Status;
    let status = match commitment {
        None => Status::Disabled,
        Some(commitment) if commitment.is_over(now) => Status::Disabled,
        Some(Commitment { ends: Some(_), .. }) => Status::EnabledUntilEarliestAllowedEnd,
        Some(Commitment { ends: None, .. }) => Status::Enabled,
    };
    let over = commitment.filter(|commitment| commitment.is_over(now));
    api::MinimumThroughputBillingCommitmentOutput {
        status,
        started_at: commitment.map(|commitment| time(commitment.started)),
        ended_at: over.and_then(|commitment| commitment.ends).map(time),
        earliest_allowed_end_at: commitment.map(|commitment| time(commitment.earliest_end())),
    }
}

/// `ConsumerARN`
pub(crate) fn consumer_arn(key: &StreamKey, consumer: &Consumer) -> String {
    let created = i64::try_from(consumer.created.seconds()).unwrap_or(i64::MAX);
    Arn::consumer(&key.region, &key.account, &key.name, &consumer.name, created).to_string()
}

/// `TagList`
pub(crate) fn tags<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<api::Tag> {
    tags.into_iter()
        .map(|(key, value)| api::Tag {
            key: key.clone(),
            value: Some(value.clone()),
        })
        .collect()
}

/// A time.
pub(crate) fn time(time: Timestamp) -> EpochMillis {
    EpochMillis(i64::try_from(time.0).unwrap_or(i64::MAX))
}

/// A count, in the API's 32-bit integers.
pub(crate) fn count<N: TryInto<i32>>(n: N) -> i32 {
    n.try_into().unwrap_or(i32::MAX)
}

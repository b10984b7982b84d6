//! Metrics of single shards, for streams that EnableEnhancedMonitoring switched them on for.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millrace_api::kinesis::{EnhancedMonitoringOutput, MetricsName};
use millrace_wire::ApiError;

use crate::error::StreamsError;
use crate::limits::SHARD_METERS_MAX;
use crate::metrics::{Counter, write_head};
use crate::routing::StreamView;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Changed, Command, LogNumber, Setting, Shard, ShardMetric, Stream, StreamKey};

/// Switches metrics on or off.
pub(crate) async fn set(
    streams: &Streams,
    key: StreamKey,
    names: &[MetricsName],
    enable: bool,
) -> Result<EnhancedMonitoringOutput, StreamsError> {
    let command = Command::Set {
        quotas: streams.quotas(&key.account, &key.region),
        key: key.clone(),
        setting: Setting::Monitoring {
            metrics: shapes::shard_metrics_of(names),
            enable,
        },
    };
    let Changed::Monitoring { current, desired } = streams.propose(command).await? else {
        return Err(ApiError::internal("setting monitoring had another command's outcome").into());
    };
    Ok(EnhancedMonitoringOutput {
        stream_arn: Some(key.arn()),
        stream_name: Some(key.name),
        current_shard_level_metrics: Some(shapes::shard_metrics(&current)),
        desired_shard_level_metrics: Some(shapes::shard_metrics(&desired)),
    })
}

/// One shard's counters.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) incoming_bytes: Counter,
    pub(crate) incoming_records: Counter,
    pub(crate) outgoing_bytes: Counter,
    pub(crate) outgoing_records: Counter,
    pub(crate) read_throttled: Counter,
    pub(crate) write_throttled: Counter,
    /// Of the last GetRecords, once there was one.
    iterator_age_ms: Mutex<Option<u64>>,
}

impl Meter {
    /// `None` where nothing was measured yet.
    fn value(&self, metric: ShardMetric) -> Option<u64> {
        Some(match metric {
            ShardMetric::IncomingBytes => self.incoming_bytes.get(),
            ShardMetric::IncomingRecords => self.incoming_records.get(),
            ShardMetric::IteratorAgeMilliseconds => *self
                .iterator_age_ms
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()?,
            ShardMetric::OutgoingBytes => self.outgoing_bytes.get(),
            ShardMetric::OutgoingRecords => self.outgoing_records.get(),
            ShardMetric::ReadProvisionedThroughputExceeded => self.read_throttled.get(),
            ShardMetric::WriteProvisionedThroughputExceeded => self.write_throttled.get(),
        })
    }

    /// Notes how far a GetRecords was behind.
    pub(crate) fn read_at(&self, behind: Duration) {
        let millis = u64::try_from(behind.as_millis()).unwrap_or(u64::MAX);
        *self
            .iterator_age_ms
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(millis);
    }
}

/// Prometheus' name, kind and help of a metric.
const fn described(metric: ShardMetric) -> (&'static str, &'static str, &'static str) {
    match metric {
        ShardMetric::IncomingBytes => (
            "millrace_streams_shard_incoming_bytes_total",
            "counter",
            "Bytes of data and partition keys put into the shard.",
        ),
        ShardMetric::IncomingRecords => (
            "millrace_streams_shard_incoming_records_total",
            "counter",
            "Records put into the shard.",
        ),
        ShardMetric::IteratorAgeMilliseconds => (
            "millrace_streams_shard_iterator_age_milliseconds",
            "gauge",
            "How far the last GetRecords was behind the shard's newest record.",
        ),
        ShardMetric::OutgoingBytes => (
            "millrace_streams_shard_outgoing_bytes_total",
            "counter",
            "Bytes of data that GetRecords returned from the shard.",
        ),
        ShardMetric::OutgoingRecords => (
            "millrace_streams_shard_outgoing_records_total",
            "counter",
            "Records that GetRecords returned from the shard.",
        ),
        ShardMetric::ReadProvisionedThroughputExceeded => (
            "millrace_streams_shard_read_throttled_calls_total",
            "counter",
            "GetRecords calls that were refused because the shard's read throughput was used up.",
        ),
        ShardMetric::WriteProvisionedThroughputExceeded => (
            "millrace_streams_shard_write_throttled_records_total",
            "counter",
            "Records that were refused because the shard's write throughput was used up.",
        ),
    }
}

/// The counters of all shards that have some.
#[derive(Debug, Default)]
pub(crate) struct Monitoring(Mutex<HashMap<LogNumber, Arc<Meter>>>);

impl Monitoring {
    /// The counters of a shard, where its stream is monitored.
    pub(crate) fn meter(&self, view: &StreamView, shard: &Shard) -> Option<Arc<Meter>> {
        if !view.monitored {
            return None;
        }
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if meters.len() >= SHARD_METERS_MAX && !meters.contains_key(&shard.log) {
            return None;
        }
        Some(Arc::clone(meters.entry(shard.log).or_default()))
    }

    /// Appends the metrics that are switched on for `streams` in Prometheus' text format, and forgets the shards of all
    /// others.
    pub(crate) fn write_prometheus(&self, streams: &[(StreamKey, Arc<Stream>)], out: &mut String) {
        let metered: Vec<Metered<'_>> = {
            let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let shards = streams.iter().flat_map(|(key, stream)| {
                let shards = stream.shards.values();
                shards.map(move |shard| (key, &**stream, shard))
            });
            let metered: Vec<Metered<'_>> = shards
                .filter_map(|(key, stream, shard)| {
                    let meter = Arc::clone(meters.get(&shard.log)?);
                    Some(Metered {
                        key,
                        stream,
                        shard,
                        meter,
                    })
                })
                .collect();
            let kept: HashSet<LogNumber> = metered.iter().map(|metered| metered.shard.log).collect();
            meters.retain(|log, _| kept.contains(log));
            metered
        };
        for metric in ShardMetric::ALL {
            let (name, kind, help) = described(metric);
            let mut begun = false;
            let wanted = metered
                .iter()
                .filter(|metered| metered.stream.monitoring.contains(&metric));
            for Metered {
                key, shard, meter, ..
            } in wanted
            {
                let Some(value) = meter.value(metric) else {
                    continue;
                };
                if !std::mem::replace(&mut begun, true) {
                    write_head(out, name, help, kind);
                }
                // Neither accounts nor regions nor the names of streams hold what a label would have to escape.
                let _ = writeln!(
                    out,
                    "{name}{{account=\"{}\",region=\"{}\",stream=\"{}\",shard=\"{}\"}} {value}",
                    key.account, key.region, key.name, shard.index
                );
            }
        }
    }
}

/// A shard with its counters.
struct Metered<'a> {
    key: &'a StreamKey,
    stream: &'a Stream,
    shard: &'a Shard,
    meter: Arc<Meter>,
}

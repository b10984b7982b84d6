//! Metrics of single shards, for streams that EnableEnhancedMonitoring switched them on for.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millrace_api::cloudwatch::StandardUnit;
use millrace_api::kinesis::{EnhancedMonitoringOutput, MetricsName};
use millrace_base::metrics::Definition;
use millrace_wire::ApiError;

use crate::error::StreamsError;
use crate::limits::SHARD_METERS_MAX;
use crate::routing::StreamView;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Changed, Command, LogNumber, Setting, Shard, ShardMetric, Stream, StreamKey};
use crate::telemetry::{Emitter, MetricSample, Statistics, Windowed};

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
    pub(crate) incoming_bytes: Windowed,
    pub(crate) incoming_records: Windowed,
    pub(crate) outgoing_bytes: Windowed,
    pub(crate) outgoing_records: Windowed,
    pub(crate) read_throttled: Windowed,
    pub(crate) write_throttled: Windowed,
    /// Of the last GetRecords, once there was one.
    iterator_age_ms: Mutex<Option<u64>>,
    /// Of all of them.
    iterator_ages_ms: Windowed,
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
        self.iterator_ages_ms.add(millis);
    }

    /// What a metric came to since it was taken last.
    fn take(&self, metric: ShardMetric) -> Option<Statistics> {
        match metric {
            ShardMetric::IncomingBytes => &self.incoming_bytes,
            ShardMetric::IncomingRecords => &self.incoming_records,
            ShardMetric::IteratorAgeMilliseconds => &self.iterator_ages_ms,
            ShardMetric::OutgoingBytes => &self.outgoing_bytes,
            ShardMetric::OutgoingRecords => &self.outgoing_records,
            ShardMetric::ReadProvisionedThroughputExceeded => &self.read_throttled,
            ShardMetric::WriteProvisionedThroughputExceeded => &self.write_throttled,
        }
        .take()
    }
}

/// CloudWatch's name and unit of a metric.
const fn named(metric: ShardMetric) -> (&'static str, StandardUnit) {
    match metric {
        ShardMetric::IncomingBytes => ("IncomingBytes", StandardUnit::Bytes),
        ShardMetric::IncomingRecords => ("IncomingRecords", StandardUnit::Count),
        ShardMetric::IteratorAgeMilliseconds => ("IteratorAgeMilliseconds", StandardUnit::Milliseconds),
        ShardMetric::OutgoingBytes => ("OutgoingBytes", StandardUnit::Bytes),
        ShardMetric::OutgoingRecords => ("OutgoingRecords", StandardUnit::Count),
        ShardMetric::ReadProvisionedThroughputExceeded => {
            ("ReadProvisionedThroughputExceeded", StandardUnit::Count)
        }
        ShardMetric::WriteProvisionedThroughputExceeded => {
            ("WriteProvisionedThroughputExceeded", StandardUnit::Count)
        }
    }
}

/// Prometheus' name, kind and help of a metric.
const fn described(metric: ShardMetric) -> Definition {
    match metric {
        ShardMetric::IncomingBytes => Definition::counter(
            "millrace_streams_shard_incoming_bytes_total",
            "Bytes of data and partition keys put into the shard.",
        ),
        ShardMetric::IncomingRecords => Definition::counter(
            "millrace_streams_shard_incoming_records_total",
            "Records put into the shard.",
        ),
        ShardMetric::IteratorAgeMilliseconds => Definition::gauge(
            "millrace_streams_shard_iterator_age_milliseconds",
            "How far the last GetRecords was behind the shard's newest record.",
        ),
        ShardMetric::OutgoingBytes => Definition::counter(
            "millrace_streams_shard_outgoing_bytes_total",
            "Bytes of data that GetRecords returned from the shard.",
        ),
        ShardMetric::OutgoingRecords => Definition::counter(
            "millrace_streams_shard_outgoing_records_total",
            "Records that GetRecords returned from the shard.",
        ),
        ShardMetric::ReadProvisionedThroughputExceeded => Definition::counter(
            "millrace_streams_shard_read_throttled_calls_total",
            "GetRecords calls that were refused because the shard's read throughput was used up.",
        ),
        ShardMetric::WriteProvisionedThroughputExceeded => Definition::counter(
            "millrace_streams_shard_write_throttled_records_total",
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

    /// The shards of `streams` that have counters; those of all others are forgotten.
    fn metered<'a>(&self, streams: &'a [(StreamKey, Arc<Stream>)]) -> Vec<Metered<'a>> {
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
    }

    /// Hands on what the metrics that are switched on for `streams` came to since the last call.
    pub(crate) fn drain(
        &self,
        streams: &[(StreamKey, Arc<Stream>)],
        each: &mut dyn FnMut(&MetricSample<'_>),
    ) {
        for Metered {
            key,
            stream,
            shard,
            meter,
        } in self.metered(streams)
        {
            let shard = shard.index.to_string();
            let mut out = Emitter {
                key,
                part: Some(("ShardId", &shard)),
                each,
            };
            for metric in ShardMetric::ALL {
                let (name, unit) = named(metric);
                let taken = meter.take(metric);
                out.emit(name, unit, taken.filter(|_| stream.monitoring.contains(&metric)));
            }
        }
    }

    /// Appends the metrics that are switched on for `streams` in Prometheus' text format, and forgets the shards of all
    /// others.
    pub(crate) fn write_prometheus(&self, streams: &[(StreamKey, Arc<Stream>)], out: &mut String) {
        let metered = self.metered(streams);
        for metric in ShardMetric::ALL {
            let definition = described(metric);
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
                    definition.head(out);
                }
                // Neither accounts nor regions nor the names of streams hold what a label would have to escape.
                let _ = writeln!(
                    out,
                    "{}{{account=\"{}\",region=\"{}\",stream=\"{}\",shard=\"{}\"}} {value}",
                    definition.name, key.account, key.region, key.name, shard.index
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

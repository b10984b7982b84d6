//! What a stream is set to, besides its shards: capacity mode, warm throughput, record size, distribution, monitoring.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use millrace_base::Timestamp;
use millrace_control::Applied;

use super::{Changed, Distribution, Mode, Outcome, Setting, ShardMetric, Stream, StreamKey, StreamsState};
use crate::error::StreamsError;
use crate::limits::{Quotas, SCALING_WINDOW};
use crate::queues::QueueError;
use crate::topology::Piece;
use crate::topology::plan::Planner;

impl StreamsState {
    pub(super) fn set(&mut self, at: Applied, key: &StreamKey, setting: Setting, quotas: Quotas) -> Outcome {
        match setting {
            Setting::Mode {
                mode,
                warm_throughput_mib,
            } => {
                if mode == Mode::Provisioned && warm_throughput_mib.is_some() {
                    return Err(StreamsError::WarmProvisioned(key.clone()));
                }
                self.set_mode(at, key, mode, quotas)?;
                return match warm_throughput_mib {
                    Some(mib) => self.set_warm_throughput(key, mib, quotas),
                    None => Ok(Changed::Done),
                };
            }
            Setting::WarmThroughput(mib) => return self.set_warm_throughput(key, mib, quotas),
            Setting::MaxRecord(kib) => self.active_mut(key)?.max_record_kib = kib,
            Setting::Distribution(distribution) => {
                let stream = self.active_mut(key)?;
                hold_distribution(key, stream.mode, distribution)?;
                stream.distribution = distribution;
            }
            Setting::Monitoring { metrics, enable } => return self.set_monitoring(key, &metrics, enable),
        }
        Ok(Changed::Done)
    }

    /// Switches the capacity mode; the shards stay. What stays the same changes nothing and counts nothing.
    fn set_mode(
        &mut self,
        at: Applied,
        key: &StreamKey,
        mode: Mode,
        quotas: Quotas,
    ) -> Result<(), StreamsError> {
        let usage = self.usage(&key.account, &key.region);
        let queues = self.queue_count(key);
        let stream = self.active_mut(key)?;
        if stream.mode != mode {
            hold_mode_changes(key, stream, at.time, quotas)?;
            match mode {
                Mode::OnDemand if usage.on_demand >= quotas.on_demand_streams => {
                    return Err(StreamsError::OnDemandLimit {
                        key: key.clone(),
                        current: usage.on_demand,
                        limit: quotas.on_demand_streams,
                    });
                }
                Mode::Provisioned if queues > 0 => {
                    return Err(QueueError::StreamHasQueues(key.clone(), queues).into());
                }
                Mode::Provisioned if stream.distribution == Distribution::Auto => {
                    return Err(StreamsError::InvalidArgument(format!(
                        "Stream {} under account {} distributes records itself (RecordDistributionStrategy AUTO), which \
                         needs ON_DEMAND mode: set USER_PARTITION_KEY first.",
                        key.name, key.account
                    )));
                }
                Mode::Provisioned
                    if usage.shards.saturating_add(stream.open_count()) > quotas.shards_per_account =>
                {
                    return Err(StreamsError::ShardLimit {
                        key: key.clone(),
                        current: usage.shards,
                        limit: quotas.shards_per_account,
                        more: stream.open_count(),
                    });
                }
                Mode::OnDemand | Mode::Provisioned => {}
            }
            stream.mode = mode;
            if mode == Mode::Provisioned {
                stream.warm_throughput_mib = None;
            }
            stream.mode_changes.retain(|time| is_recent(*time, at.time));
            stream.mode_changes.push(at.time);
        }
        Ok(())
    }

    /// Makes room for `mib` MiB/s, by splits where there are fewer shards; scaling goes down to it and no further.
    fn set_warm_throughput(&mut self, key: &StreamKey, mib: u32, quotas: Quotas) -> Outcome {
        let stream = self.active_mut(key)?;
        if stream.mode == Mode::Provisioned {
            return Err(StreamsError::WarmProvisioned(key.clone()));
        }
        let target = mib.min(quotas.shards_per_stream);
        let mut planner = Planner::new(stream.next_shard);
        // Splits only: what the load has split stays so.
        let mut widest: BinaryHeap<_> = stream.pieces().into_iter().map(by_width).collect();
        for _ in stream.open_count()..target {
            let halves = widest
                .pop()
                .and_then(|(_, _, piece)| planner.split(piece, piece.range.middle()));
            widest.extend(halves.into_iter().flatten().map(by_width));
        }
        stream.warm_throughput_mib = Some(mib);
        let births = planner.finish();
        self.bear(key, births)?;
        Ok(Changed::Done)
    }

    fn set_monitoring(&mut self, key: &StreamKey, metrics: &BTreeSet<ShardMetric>, enable: bool) -> Outcome {
        let stream = self.active_mut(key)?;
        let current = stream.monitoring.clone();
        if enable {
            stream.monitoring.extend(metrics);
        } else {
            stream.monitoring.retain(|metric| !metrics.contains(metric));
        }
        let desired = stream.monitoring.clone();
        Ok(Changed::Monitoring { current, desired })
    }
}

/// Orders pieces by their width; of two alike the lower one comes first.
fn by_width(piece: Piece) -> (u128, Reverse<u128>, Piece) {
    (
        piece.range.end - piece.range.start,
        Reverse(piece.range.start),
        piece,
    )
}

/// AUTO is for on-demand streams (developer guide, record distribution).
pub(super) fn hold_distribution(
    key: &StreamKey,
    mode: Mode,
    distribution: Distribution,
) -> Result<(), StreamsError> {
    if mode == Mode::Provisioned && distribution == Distribution::Auto {
        return Err(StreamsError::InvalidArgument(format!(
            "RecordDistributionStrategy AUTO is only available for streams in ON_DEMAND mode; stream {} under account \
             {} is in PROVISIONED mode.",
            key.name, key.account
        )));
    }
    Ok(())
}

/// API reference, UpdateStreamMode: twice within 24 hours.
fn hold_mode_changes(
    key: &StreamKey,
    stream: &Stream,
    now: Timestamp,
    quotas: Quotas,
) -> Result<(), StreamsError> {
    let recent = stream.mode_changes.iter().filter(|time| is_recent(**time, now));
    let recent = u32::try_from(recent.count()).unwrap_or(u32::MAX);
    if recent < quotas.mode_changes_per_day {
        return Ok(());
    }
    Err(StreamsError::LimitExceeded(format!(
        "The capacity mode of stream {} under account {} was changed {recent} times within 24 hours; the limit is {}.",
        key.name, key.account, quotas.mode_changes_per_day
    )))
}

fn is_recent(time: Timestamp, now: Timestamp) -> bool {
    now.since(time) < SCALING_WINDOW
}

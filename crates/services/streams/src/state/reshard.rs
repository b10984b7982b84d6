//! Shards are split, merged and scaled: begun here, finished here, with the logs' work in between.

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_control::Applied;
use millrace_log::Offset;

use super::{
    Changed, Closed, Mode, Outcome, Phase, Reshard, ReshardRequest, Shard, ShardIndex, Stream, StreamKey,
    StreamUid, StreamsState,
};
use crate::error::{BadSplit, StreamsError};
use crate::limits::{Quotas, SCALING_WINDOW};
use crate::topology::plan::Planner;
use crate::topology::{Birth, Piece};

impl StreamsState {
    pub(super) fn reshard(
        &mut self,
        at: Applied,
        key: &StreamKey,
        request: &ReshardRequest,
        quotas: Quotas,
    ) -> Outcome {
        let usage = self.usage(&key.account, &key.region);
        let stream = self.active_mut(key)?;
        let by_load = matches!(request, ReshardRequest::Scale { .. });
        if (stream.mode == Mode::OnDemand) != by_load {
            return Err(StreamsError::OnDemandMode(key.clone()));
        }
        let from = stream.open_count();
        let mut planner = Planner::new(stream.next_shard);
        let to = match request {
            ReshardRequest::Split { shard, at } => {
                plan_split(&mut planner, key, stream, shard, at)?;
                from.saturating_add(1)
            }
            ReshardRequest::Merge { shard, adjacent } => {
                plan_merge(&mut planner, key, stream, shard, adjacent)?;
                from.saturating_sub(1)
            }
            ReshardRequest::Scale { uid, splits, merges } => {
                if stream.uid != *uid {
                    return Err(StreamsError::StreamNotFound(key.clone()));
                }
                for (shard, at) in splits {
                    plan_split(&mut planner, key, stream, &shard.to_string(), at)?;
                }
                for (shard, adjacent) in merges {
                    plan_merge(
                        &mut planner,
                        key,
                        stream,
                        &shard.to_string(),
                        &adjacent.to_string(),
                    )?;
                }
                let (more, less) = (splits.len(), merges.len());
                let count = usize::try_from(from).unwrap_or(usize::MAX).saturating_add(more);
                let to = u32::try_from(count.saturating_sub(less)).unwrap_or(u32::MAX);
                // Warm throughput may have been raised since the load was looked at.
                if to < from && to < stream.least_shards() {
                    return Err(StreamsError::ScaleTooLow(from, to));
                }
                to
            }
            ReshardRequest::Uniform { target } => {
                hold_scaling(key, stream, at, *target, quotas)?;
                planner.uniform(&stream.pieces(), *target);
                *target
            }
        };
        let more = to.saturating_sub(from);
        // Shards of on-demand streams are none of the account's (Quotas).
        let within = to <= quotas.shards_per_stream
            && (by_load || usage.shards.saturating_add(more) <= quotas.shards_per_account);
        if more > 0 && !within {
            return Err(StreamsError::ShardLimit {
                key: key.clone(),
                current: usage.shards,
                limit: quotas.shards_per_account.min(quotas.shards_per_stream),
                more,
            });
        }
        if matches!(request, ReshardRequest::Uniform { .. }) {
            stream
                .scalings
                .retain(|time| at.time.since(*time) < SCALING_WINDOW);
            stream.scalings.push(at.time);
        }
        self.bear(key, planner.finish())?;
        Ok(Changed::Resharding { from, to })
    }

    /// Begins the reshard that bears `births`; there is none where there are none.
    pub(super) fn bear(&mut self, key: &StreamKey, births: Vec<Birth>) -> Result<(), StreamsError> {
        let first_log = self.take_logs(births.len());
        let stream = self.active_mut(key)?;
        if let Some(last) = births.last() {
            stream.next_shard = ShardIndex(last.index.0.saturating_add(1));
            stream.phase = Phase::Resharding(Reshard { births, first_log });
        }
        Ok(())
    }

    /// The one instant at which parents close and children are born.
    pub(super) fn resharded(
        &mut self,
        at: Applied,
        key: &StreamKey,
        uid: StreamUid,
        first: ShardIndex,
        ends: &[(ShardIndex, Offset)],
    ) -> Outcome {
        let Some(stream) = self.stream_mut(key) else {
            return Ok(Changed::Done);
        };
        let this = stream.uid == uid
            && matches!(&stream.phase, Phase::Resharding(r) if r.births.first().is_some_and(|b| b.index == first));
        if !this {
            return Ok(Changed::Done);
        }
        let Phase::Resharding(reshard) = std::mem::replace(&mut stream.phase, Phase::Active) else {
            return Ok(Changed::Done);
        };
        let ends: BTreeMap<ShardIndex, Offset> = ends.iter().copied().collect();
        // Two reshards never share a millisecond: what was open at a time stays what it was.
        let instant = at.time.max(stream.newest().plus(Duration::from_millis(1)));
        for (birth, log) in reshard.logs() {
            let mut create_secs = instant.seconds();
            for parent in std::iter::once(birth.parent).chain(birth.adjacent_parent) {
                if let Some(parent) = stream.shards.get_mut(&parent) {
                    create_secs = create_secs.max(parent.create_secs.saturating_add(1));
                    let end = ends.get(&parent.index).copied().unwrap_or(0);
                    parent.closed.get_or_insert(Closed { at: instant, end });
                }
            }
            let shard = Shard {
                index: birth.index,
                log,
                range: birth.range,
                parent: Some(birth.parent),
                adjacent_parent: birth.adjacent_parent,
                created: instant,
                create_secs,
                closed: None,
            };
            stream.shards.insert(birth.index, shard);
        }
        Ok(Changed::Done)
    }
}

fn open_piece(key: &StreamKey, stream: &Stream, id: &str) -> Result<Piece, StreamsError> {
    let shard = id
        .parse()
        .ok()
        .and_then(|index: ShardIndex| stream.shards.get(&index))
        .ok_or_else(|| StreamsError::ShardNotFound(key.clone(), id.to_owned()))?;
    if !shard.is_open() {
        return Err(StreamsError::ShardClosed(key.clone(), shard.index));
    }
    Ok(Piece {
        index: shard.index,
        range: shard.range,
    })
}

fn plan_split(
    planner: &mut Planner,
    key: &StreamKey,
    stream: &Stream,
    shard: &str,
    at: &str,
) -> Result<(), StreamsError> {
    let piece = open_piece(key, stream, shard)?;
    let range = piece.range;
    // start + 1 < at < end: both parts have at least two hash keys (API reference, SplitShard).
    let bound = at
        .parse::<u128>()
        .ok()
        .filter(|bound| *bound > range.start.saturating_add(1) && *bound < range.end);
    match bound.and_then(|bound| planner.split(piece, bound)) {
        Some(_) => Ok(()),
        None => Err(Box::new(BadSplit {
            key: key.clone(),
            shard: piece.index,
            at: at.to_owned(),
            range,
        })
        .into()),
    }
}

fn plan_merge(
    planner: &mut Planner,
    key: &StreamKey,
    stream: &Stream,
    shard: &str,
    adjacent: &str,
) -> Result<(), StreamsError> {
    let parent = open_piece(key, stream, shard)?;
    let adjacent = open_piece(key, stream, adjacent)?;
    planner
        .merge(parent, adjacent)
        .map(|_| ())
        .ok_or_else(|| StreamsError::NotAdjacent(key.clone(), parent.index, adjacent.index))
}

/// API reference, UpdateShardCount.
fn hold_scaling(
    key: &StreamKey,
    stream: &Stream,
    at: Applied,
    target: u32,
    quotas: Quotas,
) -> Result<(), StreamsError> {
    let open = stream.open_count();
    let recent = stream
        .scalings
        .iter()
        .filter(|time| at.time.since(**time) < SCALING_WINDOW)
        .count();
    if u32::try_from(recent).unwrap_or(u32::MAX) >= quotas.scalings_per_day {
        return Err(StreamsError::LimitExceeded(format!(
            "UpdateShardCount was called {recent} times for stream {} under account {} within 24 hours; the limit is \
             {}.",
            key.name, key.account, quotas.scalings_per_day
        )));
    }
    if target == 0 {
        return Err(StreamsError::InvalidArgument(
            "TargetShardCount must be at least 1.".to_owned(),
        ));
    }
    if quotas.scale_by_two && target > open.saturating_mul(2) {
        return Err(StreamsError::ScaleTooHigh(open, target));
    }
    if quotas.scale_by_two && target.saturating_mul(2) < open {
        return Err(StreamsError::ScaleTooLow(open, target));
    }
    Ok(())
}

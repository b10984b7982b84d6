//! From a starting position to an offset in each shard, fixed when the queue is created: what is put afterwards is
//! delivered, whatever becomes of the shards meanwhile.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use millrace_base::Timestamp;
use millrace_log::{LogError, Offset};

use crate::error::StreamsError;
use crate::limits::LOG_CALLS_MAX;
use crate::routing::StreamView;
use crate::service::Streams;
use crate::state::{Position, Shard, ShardIndex, Start};

/// The time from which records are delivered, and the same as offsets.
pub(crate) async fn resolve(
    streams: &Streams,
    view: &StreamView,
    position: Position,
) -> Result<(Timestamp, Start), StreamsError> {
    let now = streams.0.clock.now();
    let horizon = view.horizon(now);
    // What is told never lies before the stream's creation; records may, after the clock was set back.
    let told = |time: Timestamp| time.max(view.created);
    // Shards that are born from now on have greater indices, and are delivered from their first record.
    let known = view.shards().last().map_or(ShardIndex(0), |newest| {
        ShardIndex(newest.index.0.saturating_add(1))
    });
    match position {
        Position::TrimHorizon => Ok((told(horizon), Start::default())),
        Position::Latest => {
            let open = view.shards().iter().filter(|shard| shard.is_open());
            let at = open
                .map(|shard| Ok((shard.index, streams.0.log.tail(shard.log_id())?.end)))
                .collect::<Result<BTreeMap<ShardIndex, Offset>, LogError>>()?;
            Ok((now, Start { known, at }))
        }
        Position::AtTimestamp(time) => {
            if time > now {
                return Err(StreamsError::InvalidArgument(format!(
                    "The Timestamp of a queue's StartingPosition cannot be in the future: it is {}, and now is {} \
                     (milliseconds since the epoch). Use LATEST.",
                    time.0, now.0
                )));
            }
            let effective = time.max(horizon);
            let at = offsets(streams, view, effective).await?;
            Ok((told(effective), Start { known, at }))
        }
    }
}

/// The first record at `time` or later of each shard that has one, or that may get one.
async fn offsets(
    streams: &Streams,
    view: &StreamView,
    time: Timestamp,
) -> Result<BTreeMap<ShardIndex, Offset>, StreamsError> {
    let alive: Vec<Shard> = view
        .shards()
        .iter()
        .filter(|shard| !shard.is_expired(time))
        .copied()
        .collect();
    let calls = alive.into_iter().map(|shard| {
        let call = streams.0.log.offset_at(shard.log_id(), time);
        async move { Ok::<_, LogError>((shard.index, call.await?)) }
    });
    let offsets = stream::iter(calls).buffer_unordered(LOG_CALLS_MAX).try_collect();
    Ok(offsets.await?)
}

//! DescribeStreamLoad, an operation of our own: what the shards of a stream do, the busiest first.

use std::sync::Arc;

use millrace_api::millrace::{
    DescribeStreamLoadInput, DescribeStreamLoadOutput, HotKey, Reader, ShardLoad, Traffic,
};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::limits::{HOT_KEYS_TOLD, WATCHED_SHARDS_MAX};
use crate::resolve::Named;
use crate::routing::StreamView;
use crate::service::Streams;
use crate::shapes;
use crate::state::ShardIndex;
use crate::watch::{self, ShardWatch, TooMany};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DescribeStreamLoadInput,
) -> Result<DescribeStreamLoadOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: None,
    };
    let view = streams.resolve(caller, named)?;
    let now = streams.0.clock.monotonic();
    let watch = streams.0.watches.look(view.uid, now).map_err(|TooMany| {
        StreamsError::LimitExceeded(
            "As many streams are looked at as can be: end another look, or wait a minute.".to_owned(),
        )
    })?;
    let mut shards: Vec<(ShardIndex, Arc<ShardWatch>, watch::Traffic)> = watch
        .shards()
        .into_iter()
        .map(|(index, shard)| {
            let traffic = shard.traffic();
            (index, shard, traffic)
        })
        .collect();
    let total = shards
        .iter()
        .fold(watch::Traffic::default(), |sum, (_, _, traffic)| {
            sum.plus(*traffic)
        });
    let busy = |traffic: &watch::Traffic| (traffic.bytes_in, traffic.records_in, traffic.bytes_out);
    shards.sort_by(|(a_index, _, a), (b_index, _, b)| busy(b).cmp(&busy(a)).then(a_index.cmp(b_index)));
    shards.truncate(super::page_size(input.max_shards, WATCHED_SHARDS_MAX));
    let loads = shards.iter().map(|(index, shard, traffic)| ShardLoad {
        shard_id: index.to_string(),
        closed: closed(&view, *index),
        traffic: told(*traffic),
        hot_keys: hot_keys(shard, now),
        readers: readers(shard, now),
    });
    Ok(DescribeStreamLoadOutput {
        stream_name: view.key.name.clone(),
        stream_arn: view.key.arn(),
        stream_status: view.status.as_str().to_owned(),
        stream_mode: Some(shapes::mode(view.mode).stream_mode.as_str().to_owned()),
        open_shard_count: count(view.open_count().into()),
        measured_millis: millis(now.saturating_sub(watch.began)),
        total: told(total),
        shards: loads.collect(),
    })
}

fn closed(view: &StreamView, index: ShardIndex) -> Option<bool> {
    view.shard(index)
        .is_none_or(|shard| shard.closed.is_some())
        .then_some(true)
}

fn hot_keys(shard: &ShardWatch, now: std::time::Duration) -> Vec<HotKey> {
    let (keys, of) = shard.hottest(HOT_KEYS_TOLD, now);
    let told = keys.into_iter().map(|hot| HotKey {
        partition_key: hot.key,
        records: count(hot.records),
        of: count(of),
    });
    told.collect()
}

fn readers(shard: &ShardWatch, now: std::time::Duration) -> Vec<Reader> {
    let told = shard.readers().into_iter().map(|(name, lag)| Reader {
        name,
        records_behind: count(lag.records),
        millis_behind: count(lag.millis),
        seen_millis_ago: millis(now.saturating_sub(lag.at)),
    });
    told.collect()
}

fn told(traffic: watch::Traffic) -> Traffic {
    Traffic {
        records_in: count(traffic.records_in),
        bytes_in: count(traffic.bytes_in),
        records_out: count(traffic.records_out),
        bytes_out: count(traffic.bytes_out),
        puts_throttled: count(traffic.puts_throttled),
        reads_throttled: count(traffic.reads_throttled),
    }
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

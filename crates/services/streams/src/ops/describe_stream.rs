//! DescribeStream.

use std::ops::Bound;

use millrace_api::kinesis::{DescribeStreamInput, DescribeStreamOutput, StreamDescription};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::limits::DESCRIBE_STREAM_MAX;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Phase, Shard, ShardIndex};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DescribeStreamInput,
) -> Result<DescribeStreamOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    let stream = streams.stream(&key)?;
    let after = input
        .exclusive_start_shard_id
        .as_deref()
        .map(shard_id)
        .transpose()?;
    let limit = super::page_size(input.limit, DESCRIBE_STREAM_MAX);
    let oldest = stream.oldest(streams.0.clock.now());
    // A stream that is being created shows no shards yet.
    let visible = stream.phase != Phase::Creating;
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut shards: Vec<&Shard> = stream
        .shards
        .range((from, Bound::Unbounded))
        .map(|(_, shard)| shard)
        .filter(|shard| visible && !shard.is_expired(oldest))
        .take(limit.saturating_add(1))
        .collect();
    let more = shards.len() > limit;
    shards.truncate(limit);
    Ok(DescribeStreamOutput {
        stream_description: StreamDescription {
            stream_name: key.name.clone(),
            stream_arn: key.arn(),
            stream_status: shapes::stream_status(stream.status()),
            stream_mode_details: Some(shapes::mode(stream.mode)),
            shards: shards.into_iter().map(shapes::shard).collect(),
            has_more_shards: more,
            retention_period_hours: shapes::count(stream.retention_hours),
            stream_creation_timestamp: shapes::time(stream.created),
            enhanced_monitoring: shapes::monitoring(&stream),
            encryption_type: Some(shapes::encryption_type(&stream.encryption)),
            key_id: stream.encryption.key_id.clone(),
        },
    })
}

/// `ExclusiveStartShardId` may name a shard that expired meanwhile.
pub(super) fn shard_id(id: &str) -> Result<ShardIndex, StreamsError> {
    id.parse().map_err(|_| {
        StreamsError::InvalidArgument(format!(
            "{id} is not a shard id: it looks like shardId-000000000000."
        ))
    })
}

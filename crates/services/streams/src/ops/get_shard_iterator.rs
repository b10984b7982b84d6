//! GetShardIterator

use millrace_api::kinesis::{GetShardIteratorInput, GetShardIteratorOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::iterator::Position;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shard::position::Asked;

/// A position in a shard, valid for five minutes.
pub(super) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: GetShardIteratorInput,
) -> Result<GetShardIteratorOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let view = streams.resolve(caller, named)?;
    let shard = view
        .shard_by_id(&input.shard_id)
        .ok_or_else(|| StreamsError::ShardMissing(view.key.clone(), input.shard_id.clone()))?;
    if !streams.admit_shard("GetShardIterator", &view.key, &input.shard_id) {
        return Err(StreamsError::ThroughputExceeded(format!(
            "Rate exceeded for shard {} in stream {} under account {}.",
            shard.index, view.key.name, view.key.account
        )));
    }
    let asked = Asked {
        kind: input.shard_iterator_type,
        number: input.starting_sequence_number.as_deref(),
        timestamp_ms: input.timestamp.map(|time| time.0),
        operation: "GetShardIterator",
    };
    let offset = streams.offset_of(&view, shard, asked).await?;
    if input.dry_run == Some(true) {
        return Err(StreamsError::DryRun);
    }
    let position = Position {
        stream: view.key.clone(),
        uid: view.uid,
        shard: shard.index,
        offset,
    };
    Ok(GetShardIteratorOutput {
        shard_iterator: Some(streams.iterator(&position)),
    })
}

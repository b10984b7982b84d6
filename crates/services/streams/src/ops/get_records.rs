//! GetRecords

use millrace_api::kinesis::GetRecordsInput;
use millrace_log::ReadLimits;
use millrace_wire::Reply;

use super::Call;
use crate::error::StreamsError;
use crate::iterator::Position;
use crate::limits::{GET_RECORDS_BYTES_MAX, GET_RECORDS_MAX};
use crate::resolve::hold_id;
use crate::shard::answer;

/// What those that share GetRecords are called among a shard's readers.
const POLLING: &str = "GetRecords";

/// Records from an iterator on, and the iterator to go on with.
pub(super) async fn call(call: Call<'_>) -> Result<Reply, StreamsError> {
    let streams = call.streams;
    let begun = streams.0.clock.monotonic();
    let input: GetRecordsInput = call.codec.typed(call.body.whole())?;
    hold_id(input.stream_id.as_deref())?;
    let position = streams.position(&input.shard_iterator)?;
    if position.stream.region != call.caller.region {
        return Err(StreamsError::InvalidArgument("Invalid ShardIterator.".to_owned()));
    }
    if let Some(arn) = &input.stream_arn
        && *arn != position.stream.arn()
    {
        return Err(StreamsError::InvalidArgument(
            "The ShardIterator belongs to another stream.".to_owned(),
        ));
    }
    let view = streams.enter(call.caller, &position.stream)?;
    let missing = || StreamsError::ShardMissing(position.stream.clone(), position.shard.to_string());
    if view.uid != position.uid {
        return Err(missing());
    }
    let shard = view.shard(position.shard).ok_or_else(missing)?;
    if streams.limits_throughput() && !streams.0.admission.read(shard.log, streams.0.clock.monotonic()) {
        streams.0.metrics.read_throttled.add(1);
        streams.get_throttled(&view, begun);
        if let Some(meter) = streams.0.monitoring.meter(&view, shard) {
            meter.read_throttled.add(1);
        }
        if let Some(watch) = streams.watched(&view, shard) {
            watch.read_throttled();
        }
        return Err(StreamsError::ThroughputExceeded(format!(
            "Rate exceeded for Shard - {}/{}/{}",
            view.key.account, view.key.name, shard.index
        )));
    }
    if input.dry_run == Some(true) {
        return Err(StreamsError::DryRun);
    }
    let asked = input.limit.and_then(|limit| usize::try_from(limit).ok());
    let limits = ReadLimits {
        bytes: GET_RECORDS_BYTES_MAX,
        records: asked.map_or(GET_RECORDS_MAX, |limit| limit.clamp(1, GET_RECORDS_MAX)),
    };
    let page = streams.read_shard(&view, shard, position.offset, limits).await;
    streams.get_ended(&view, begun, page.as_ref().ok());
    let page = page?;
    streams.0.metrics.outgoing_records.add(page.records.len() as u64);
    streams.0.metrics.outgoing_bytes.add(page.bytes as u64);
    if let Some(meter) = streams.0.monitoring.meter(&view, shard) {
        meter.outgoing_records.add(page.records.len() as u64);
        meter.outgoing_bytes.add(page.bytes as u64);
        meter.read_at(page.behind);
    }
    if let Some(watch) = streams.watched(&view, shard) {
        watch.read(
            POLLING,
            (page.records.len() as u64, page.bytes as u64),
            streams.lag(&page),
        );
    }
    if streams.limits_throughput() {
        streams
            .0
            .admission
            .was_read(shard.log, page.bytes as u64, streams.0.clock.monotonic());
    }
    let next = match page.ended {
        Some(_) => None,
        None => Some(streams.iterator(&Position {
            offset: page.next,
            ..position
        })),
    };
    Ok(answer::records(call.codec, page, next.as_deref()))
}

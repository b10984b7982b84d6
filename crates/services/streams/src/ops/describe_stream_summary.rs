//! DescribeStreamSummary. It never answers a StreamId: clients that get one send it back, and their endpoint rules
//! then bypass a custom endpoint.

use millrace_api::kinesis::{
    DescribeStreamSummaryInput, DescribeStreamSummaryOutput, StreamDescriptionSummary,
};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;
use crate::state::Mode;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DescribeStreamSummaryInput,
) -> Result<DescribeStreamSummaryOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    let stream = streams.stream(&key)?;
    // The view counted them once: there may be many.
    let open = stream.view(&key).open_count();
    let (queues, channels) = streams
        .0
        .control
        .read(|state| (state.queue_count(&key), state.channels_on(&key)));
    Ok(DescribeStreamSummaryOutput {
        stream_description_summary: StreamDescriptionSummary {
            stream_name: key.name.clone(),
            stream_arn: key.arn(),
            stream_id: None,
            stream_status: shapes::stream_status(stream.status()),
            stream_mode_details: Some(shapes::mode(stream.mode)),
            retention_period_hours: shapes::count(stream.retention_hours),
            stream_creation_timestamp: shapes::time(stream.created),
            enhanced_monitoring: shapes::monitoring(&stream),
            encryption_type: Some(shapes::encryption_type(&stream.encryption)),
            key_id: stream.encryption.key_id.clone(),
            open_shard_count: shapes::count(open),
            consumer_count: Some(shapes::count(stream.consumers.len())),
            warm_throughput: shapes::warm_throughput(&stream, open),
            max_record_size_in_kib: Some(shapes::count(stream.max_record_kib)),
            // Of on-demand streams only (API StreamDescriptionSummary).
            record_distribution_strategy: (stream.mode == Mode::OnDemand)
                .then(|| shapes::distribution(stream.distribution)),
            channel_count: Some(shapes::count(channels)),
            queue_count: Some(shapes::count(queues)),
        },
    })
}

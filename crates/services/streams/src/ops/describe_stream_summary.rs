//! DescribeStreamSummary. It never answers a StreamId: clients that get one send it back, and their endpoint rules
//! then bypass a custom endpoint.

use millrace_api::kinesis::{
    DescribeStreamSummaryInput, DescribeStreamSummaryOutput, EncryptionType, StreamDescriptionSummary,
};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;

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
            encryption_type: Some(EncryptionType::None),
            key_id: None,
            open_shard_count: shapes::count(stream.open_count()),
            consumer_count: Some(shapes::count(stream.consumers.len())),
            warm_throughput: shapes::warm_throughput(&stream),
            max_record_size_in_kib: Some(shapes::count(stream.max_record_kib)),
            record_distribution_strategy: Some(shapes::distribution(stream.distribution)),
            // Channels and queues are not built yet.
            channel_count: None,
            queue_count: None,
        },
    })
}

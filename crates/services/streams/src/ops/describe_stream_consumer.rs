//! DescribeStreamConsumer.

use millrace_api::kinesis::{ConsumerDescription, DescribeStreamConsumerInput, DescribeStreamConsumerOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::{Named, find_consumer};
use crate::service::Streams;
use crate::shapes;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DescribeStreamConsumerInput,
) -> Result<DescribeStreamConsumerOutput, StreamsError> {
    let named = Named {
        name: None,
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let target = streams.consumer_target(
        caller,
        named,
        input.consumer_name.as_deref(),
        input.consumer_arn.as_deref(),
    )?;
    streams.admit_stream("DescribeStreamConsumer", &target.stream)?;
    let stream = streams.stream(&target.stream)?;
    let consumer = find_consumer(&stream.consumers, &target)?;
    Ok(DescribeStreamConsumerOutput {
        consumer_description: ConsumerDescription {
            consumer_name: consumer.name.clone(),
            consumer_arn: shapes::consumer_arn(&target.stream, consumer),
            consumer_status: shapes::consumer_status(consumer.status),
            consumer_creation_timestamp: shapes::time(consumer.created),
            stream_arn: target.stream.arn(),
        },
    })
}

//! ReceiveQueueRecords.

use millrace_api::kinesis::{ReceiveQueueRecordsInput, ReceiveQueueRecordsOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues::Kind;
use crate::queues::receive::{Request, receive};
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ReceiveQueueRecordsInput,
) -> Result<ReceiveQueueRecordsOutput, StreamsError> {
    let request = Request {
        arn: &input.queue_arn,
        limit: input.limit,
        wait_secs: input.wait_time_seconds,
        visibility_secs: input.visibility_timeout_seconds,
    };
    Ok(ReceiveQueueRecordsOutput {
        queue_records: receive(streams, caller, Kind::Live, request).await?,
    })
}

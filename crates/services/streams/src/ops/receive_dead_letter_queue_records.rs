//! ReceiveDeadLetterQueueRecords.

use millrace_api::kinesis::{ReceiveDeadLetterQueueRecordsInput, ReceiveDeadLetterQueueRecordsOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues::Kind;
use crate::queues::receive::{Request, receive};
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: ReceiveDeadLetterQueueRecordsInput,
) -> Result<ReceiveDeadLetterQueueRecordsOutput, StreamsError> {
    let request = Request {
        arn: &input.queue_arn,
        limit: input.limit,
        wait_secs: input.wait_time_seconds,
        visibility_secs: input.visibility_timeout_seconds,
    };
    Ok(ReceiveDeadLetterQueueRecordsOutput {
        queue_records: receive(streams, caller, Kind::Dead, request).await?,
    })
}

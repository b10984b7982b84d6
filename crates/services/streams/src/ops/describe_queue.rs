//! DescribeQueue.

use millrace_api::kinesis::{DescribeQueueInput, DescribeQueueOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues::describe;
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DescribeQueueInput,
) -> Result<DescribeQueueOutput, StreamsError> {
    let key = streams.queue_target(caller, &input.queue_arn)?;
    let queue = streams.queue(&key)?;
    Ok(DescribeQueueOutput {
        queue_description: describe::description(&key, &queue),
    })
}

//! DeleteQueue.

use millrace_api::kinesis::DeleteQueueInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::{Command, QueueCommand};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DeleteQueueInput,
) -> Result<(), StreamsError> {
    let command = QueueCommand::Delete {
        key: streams.queue_target(caller, &input.queue_arn)?,
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    streams.propose(Command::Queue(command)).await?;
    Ok(())
}

//! UpdateQueue. What is set holds for records that are received from now on.

use millrace_api::kinesis::{UpdateQueueInput, UpdateQueueOutput};
use millrace_wire::{ApiError, Caller};

use crate::error::StreamsError;
use crate::queues::describe;
use crate::service::Streams;
use crate::state::{Changed, Command, QueueCommand};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateQueueInput,
) -> Result<UpdateQueueOutput, StreamsError> {
    let key = streams.queue_target(caller, &input.queue_arn)?;
    let (visibility_secs, dead_letters) = describe::changes_of(&input.queue_attributes)?;
    let command = QueueCommand::Update {
        key: key.clone(),
        visibility_secs,
        dead_letters,
    };
    match streams.propose(Command::Queue(command)).await? {
        Changed::Queue(queue) => Ok(UpdateQueueOutput {
            queue_description: describe::description(&key, &queue),
        }),
        _ => Err(ApiError::internal("updating a queue had another command's outcome").into()),
    }
}

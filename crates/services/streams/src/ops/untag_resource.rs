//! UntagResource, for streams, consumers and queues.

use millrace_api::kinesis::UntagResourceInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues;
use crate::resolve::resource;
use crate::service::Streams;
use crate::state::{Command, QueueCommand};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<(), StreamsError> {
    let keys = input.tag_keys;
    let command = match queues::named(caller, &input.resource_arn)? {
        Some(key) => Command::Queue(QueueCommand::Untag { key, keys }),
        None => Command::Untag {
            resource: resource(caller, &input.resource_arn)?,
            keys,
        },
    };
    streams.propose(command).await?;
    Ok(())
}

//! UntagResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::UntagResourceInput;
use millrace_wire::Caller;
use millrace_wire::access::Tagging;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::{ChannelCommand, Command, QueueCommand, Resource};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<(), StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, Some(Tagging::Remove(&input.tag_keys)))?;
    let keys = input.tag_keys;
    let command = match resource {
        Resource::Channel(key) => Command::Channel {
            key,
            command: ChannelCommand::Untag { keys },
        },
        Resource::Queue(key) => Command::Queue(QueueCommand::Untag { key, keys }),
        resource => Command::Untag { resource, keys },
    };
    streams.propose(command).await?;
    Ok(())
}

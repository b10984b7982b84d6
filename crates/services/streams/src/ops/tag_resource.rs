//! TagResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::TagResourceInput;
use millrace_wire::Caller;
use millrace_wire::access::Tagging;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::{ChannelCommand, Command, QueueCommand, Resource};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<(), StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, Some(Tagging::Set(&input.tags)))?;
    let tags = tags::checked(input.tags)?;
    let quotas = streams.quotas(&caller.account, &caller.region);
    let command = match resource {
        Resource::Channel(key) => Command::Channel {
            key,
            command: ChannelCommand::Tag { tags, quotas },
        },
        Resource::Queue(key) => Command::Queue(QueueCommand::Tag { key, tags, quotas }),
        resource => Command::Tag {
            resource,
            tags,
            quotas,
        },
    };
    streams.propose(command).await?;
    Ok(())
}

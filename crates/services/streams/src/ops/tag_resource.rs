//! TagResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::TagResourceInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues;
use crate::resolve::resource;
use crate::service::Streams;
use crate::state::{ChannelCommand, Command, QueueCommand};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<(), StreamsError> {
    let tags = tags::checked(input.tags)?;
    let quotas = streams.quotas(&caller.account, &caller.region);
    if let Some(key) = streams.channel_named(caller, &input.resource_arn)? {
        let command = ChannelCommand::Tag { tags, quotas };
        streams.propose(Command::Channel { key, command }).await?;
        return Ok(());
    }
    let command = match queues::named(caller, &input.resource_arn)? {
        Some(key) => Command::Queue(QueueCommand::Tag { key, tags, quotas }),
        None => Command::Tag {
            resource: resource(caller, &input.resource_arn)?,
            tags,
            quotas,
        },
    };
    streams.propose(command).await?;
    Ok(())
}

//! UntagResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::UntagResourceInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues;
use crate::resolve::resource;
use crate::service::Streams;
use crate::state::{ChannelCommand, Command, QueueCommand};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<(), StreamsError> {
    let keys = input.tag_keys;
    if let Some(key) = streams.channel_named(caller, &input.resource_arn)? {
        let command = ChannelCommand::Untag { keys };
        streams.propose(Command::Channel { key, command }).await?;
        return Ok(());
    }
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

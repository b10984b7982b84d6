//! TagResource, for streams, consumers and queues.

use millrace_api::kinesis::TagResourceInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues;
use crate::resolve::resource;
use crate::service::Streams;
use crate::state::{Command, QueueCommand};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<(), StreamsError> {
    let tags = tags::checked(input.tags)?;
    let quotas = streams.quotas(&caller.account, &caller.region);
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

//! TagResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::TagResourceInput;
use millrace_wire::Caller;
use millrace_wire::access::Tagging;

use crate::error::StreamsError;
use crate::resolve::hold_id;
use crate::service::Streams;
use crate::state::Command;
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<(), StreamsError> {
    hold_id(input.stream_id.as_deref())?;
    let resource = streams.resource(caller, &input.resource_arn, Some(Tagging::Set(&input.tags.0)))?;
    let tags = tags::checked(input.tags)?;
    streams
        .propose(Command::Tag {
            resource,
            tags,
            quotas: streams.quotas(&caller.account, &caller.region),
        })
        .await?;
    Ok(())
}

//! TagResource, for streams and consumers.

use millrace_api::kinesis::TagResourceInput;
use millrace_wire::Caller;

use crate::access::Tagging;
use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::Command;
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<(), StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, Some(Tagging::Set(&input.tags)))?;
    let tags = tags::checked(input.tags)?;
    streams
        .propose(Command::Tag {
            resource,
            tags,
            quotas: streams.quotas(&caller.region),
        })
        .await?;
    Ok(())
}

//! TagResource, for streams and consumers.

use millrace_api::kinesis::TagResourceInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::resource;
use crate::service::Streams;
use crate::state::Command;
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<(), StreamsError> {
    let resource = resource(caller, &input.resource_arn)?;
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

//! AddTagsToStream.

use millrace_api::kinesis::AddTagsToStreamInput;
use millrace_wire::Caller;
use millrace_wire::access::Tagging;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::{Command, Resource};
use crate::tags;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: AddTagsToStreamInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let resource =
        Resource::Stream(streams.target_tagging(caller, named, Some(Tagging::Set(&input.tags.0)))?);
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

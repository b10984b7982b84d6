//! RemoveTagsFromStream.

use millrace_api::kinesis::RemoveTagsFromStreamInput;
use millrace_wire::Caller;
use millrace_wire::access::Tagging;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::{Command, Resource};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: RemoveTagsFromStreamInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let resource =
        Resource::Stream(streams.target_tagging(caller, named, Some(Tagging::Remove(&input.tag_keys)))?);
    streams
        .propose(Command::Untag {
            resource,
            keys: input.tag_keys,
        })
        .await?;
    Ok(())
}

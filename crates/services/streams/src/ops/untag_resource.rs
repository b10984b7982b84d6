//! UntagResource, for streams, consumers, queues and channels.

use millrace_api::kinesis::UntagResourceInput;
use millrace_wire::Caller;
use millrace_wire::access::Tagging;

use crate::error::StreamsError;
use crate::resolve::hold_id;
use crate::service::Streams;
use crate::state::Command;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<(), StreamsError> {
    hold_id(input.stream_id.as_deref())?;
    let resource = streams.resource(
        caller,
        &input.resource_arn,
        Some(Tagging::Remove(&input.tag_keys)),
    )?;
    streams
        .propose(Command::Untag {
            resource,
            keys: input.tag_keys,
        })
        .await?;
    Ok(())
}

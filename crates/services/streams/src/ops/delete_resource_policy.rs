//! DeleteResourcePolicy, for streams, consumers, queues and channels.

use millrace_api::kinesis::DeleteResourcePolicyInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::hold_id;
use crate::service::Streams;
use crate::state::Command;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DeleteResourcePolicyInput,
) -> Result<(), StreamsError> {
    hold_id(input.stream_id.as_deref())?;
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    streams
        .propose(Command::SetPolicy {
            resource,
            policy: None,
        })
        .await?;
    Ok(())
}

//! DeleteResourcePolicy, for streams and consumers.

use millrace_api::kinesis::DeleteResourcePolicyInput;
use millrace_wire::Caller;

use crate::access;
use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::Command;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DeleteResourcePolicyInput,
) -> Result<(), StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    access::check_owner(caller, &resource)?;
    streams
        .propose(Command::SetPolicy {
            resource,
            policy: None,
        })
        .await?;
    Ok(())
}

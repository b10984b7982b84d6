//! GetResourcePolicy, for streams, consumers, queues and channels.

use millrace_api::kinesis::{GetResourcePolicyInput, GetResourcePolicyOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::hold_id;
use crate::service::Streams;

/// What the service answers where there is no policy.
const NO_POLICY: &str = "{}";

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput, StreamsError> {
    hold_id(input.stream_id.as_deref())?;
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    let policy = streams.0.control.read(|state| {
        let policy = state.common(&resource)?.policy.text();
        Ok::<_, StreamsError>(policy.unwrap_or(NO_POLICY).to_owned())
    })?;
    Ok(GetResourcePolicyOutput { policy })
}

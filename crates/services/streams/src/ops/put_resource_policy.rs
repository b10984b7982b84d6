//! PutResourcePolicy, for streams and consumers.

use millrace_api::kinesis::PutResourcePolicyInput;
use millrace_wire::Caller;
use millrace_wire::policy::{Kind, Policy, check_resource_policy};

use crate::access;
use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::Command;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: PutResourcePolicyInput,
) -> Result<(), StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    access::check_owner(caller, &resource)?;
    let refused = |error: &dyn std::fmt::Display| StreamsError::InvalidArgument(format!("Policy: {error}"));
    let policy = Policy::parse(&input.policy, Kind::Resource).map_err(|error| refused(&error))?;
    check_resource_policy(&policy, &input.resource_arn, access::shareable(&resource))
        .map_err(|error| refused(&error))?;
    streams
        .propose(Command::SetPolicy {
            resource,
            policy: Some(input.policy),
        })
        .await?;
    Ok(())
}

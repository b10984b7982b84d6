//! GetResourcePolicy, for streams and consumers.

use millrace_api::kinesis::{GetResourcePolicyInput, GetResourcePolicyOutput};
use millrace_wire::Caller;

use crate::access;
use crate::error::StreamsError;
use crate::resolve::{ConsumerTarget, find_consumer};
use crate::service::Streams;
use crate::state::Resource;

/// What the service answers where there is no policy.
const NO_POLICY: &str = "{}";

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput, StreamsError> {
    let resource = streams.resource(caller, &input.resource_arn, None)?;
    access::check_owner(caller, &resource)?;
    let stream = streams.stream(resource.stream())?;
    let policy = match resource {
        Resource::Stream(_) => stream.policy.text(),
        Resource::Consumer {
            stream: key,
            name,
            created_secs,
        } => {
            let target = ConsumerTarget {
                stream: key,
                name,
                created_secs: Some(created_secs),
            };
            find_consumer(&stream.consumers, &target)?.policy.text()
        }
    };
    Ok(GetResourcePolicyOutput {
        policy: policy.unwrap_or(NO_POLICY).to_owned(),
    })
}

//! UpdateShardCount, by real splits and merges.

use millrace_api::kinesis::{UpdateShardCountInput, UpdateShardCountOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes::count;
use crate::state::{Changed, Command, ReshardRequest};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateShardCountInput,
) -> Result<UpdateShardCountOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    // The API model holds it at 1 or more.
    let target = u32::try_from(input.target_shard_count).unwrap_or(0);
    let command = Command::Reshard {
        key: key.clone(),
        request: ReshardRequest::Uniform { target },
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    let from = match streams.propose(command).await? {
        Changed::Resharding { from, .. } => Some(count(from)),
        Changed::Channel(_)
        | Changed::Done
        | Changed::Registered(_)
        | Changed::Monitoring { .. }
        | Changed::Queue(_) => None,
    };
    Ok(UpdateShardCountOutput {
        stream_arn: Some(key.arn()),
        stream_name: Some(key.name),
        current_shard_count: from,
        target_shard_count: Some(input.target_shard_count),
    })
}

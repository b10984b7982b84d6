//! SplitShard.

use millrace_api::kinesis::SplitShardInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::{Command, ReshardRequest};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: SplitShardInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    let request = ReshardRequest::Split {
        shard: input.shard_to_split,
        at: input.new_starting_hash_key,
    };
    streams
        .propose(Command::Reshard {
            key,
            request,
            quotas: streams.quotas(&caller.account, &caller.region),
        })
        .await?;
    Ok(())
}

//! UpdateStreamWarmThroughput: room for a peak that has not come yet, by splitting beforehand.

use millrace_api::kinesis::{
    UpdateStreamWarmThroughputInput, UpdateStreamWarmThroughputOutput, WarmThroughputObject,
};
use millrace_wire::Caller;

use super::create_stream::warm_throughput;
use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Command, Setting};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateStreamWarmThroughputInput,
) -> Result<UpdateStreamWarmThroughputOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    let mib = warm_throughput(input.warm_throughput_mibps)?;
    let before = streams.stream(&key)?;
    let command = Command::Set {
        key: key.clone(),
        setting: Setting::WarmThroughput(mib),
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    streams.propose(command).await?;
    Ok(UpdateStreamWarmThroughputOutput {
        stream_arn: Some(key.arn()),
        stream_name: Some(key.name),
        warm_throughput: Some(WarmThroughputObject {
            target_mibps: Some(shapes::count(mib)),
            // What it has until the splits are done.
            current_mibps: Some(shapes::count(mib.min(before.open_count()))),
        }),
    })
}

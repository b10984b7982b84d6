//! DescribeLimits.

use millrace_api::kinesis::{DescribeLimitsInput, DescribeLimitsOutput};
use millrace_wire::Caller;
use millrace_wire::access::Target;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::shapes::count;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    _input: DescribeLimitsInput,
) -> Result<DescribeLimitsOutput, StreamsError> {
    caller.authorize(&Target::account(&caller.account))?;
    let usage = streams
        .0
        .control
        .read(|state| state.usage(&caller.account, &caller.region));
    let channels = streams.0.control.read(|state| {
        let channels = state.channels_of(&caller.account, &caller.region, "");
        u32::try_from(channels.count()).unwrap_or(u32::MAX)
    });
    let quotas = streams.quotas(&caller.account, &caller.region);
    Ok(DescribeLimitsOutput {
        shard_limit: count(quotas.shards_per_account),
        open_shard_count: count(usage.shards),
        on_demand_stream_count: count(usage.on_demand),
        on_demand_stream_count_limit: count(quotas.on_demand_streams),
        channel_count: Some(count(channels)),
        channel_count_limit: Some(count(quotas.channels)),
    })
}

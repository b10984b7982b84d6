//! UpdateStreamRecordDistributionStrategy.

use millrace_api::kinesis::UpdateStreamRecordDistributionStrategyInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::shapes;
use crate::state::{Command, Setting};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateStreamRecordDistributionStrategyInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: None,
        arn: Some(&input.stream_arn),
        id: input.stream_id.as_deref(),
    };
    let command = Command::Set {
        key: streams.target(caller, named)?,
        setting: Setting::Distribution(shapes::distribution_of(&input.record_distribution_strategy)),
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    streams.propose(command).await?;
    Ok(())
}

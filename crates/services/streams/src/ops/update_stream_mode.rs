//! UpdateStreamMode. The number of shards stays, unless warm throughput asks for more.

use millrace_api::kinesis::UpdateStreamModeInput;
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
    input: UpdateStreamModeInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: None,
        arn: Some(&input.stream_arn),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    streams.admit_stream("UpdateStreamMode", &key)?;
    let command = Command::Set {
        key,
        setting: Setting::Mode {
            mode: shapes::mode_of(&input.stream_mode_details),
            warm_throughput_mib: input.warm_throughput_mibps.map(warm_throughput).transpose()?,
        },
        quotas: streams.quotas(&caller.account, &caller.region),
    };
    streams.propose(command).await?;
    Ok(())
}

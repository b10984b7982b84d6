//! EnableEnhancedMonitoring.

use millrace_api::kinesis::{EnableEnhancedMonitoringInput, EnhancedMonitoringOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::monitoring;
use crate::resolve::Named;
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: EnableEnhancedMonitoringInput,
) -> Result<EnhancedMonitoringOutput, StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    streams.admit_stream("EnableEnhancedMonitoring", &key)?;
    monitoring::set(streams, key, &input.shard_level_metrics, true).await
}

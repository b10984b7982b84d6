//! DecreaseStreamRetentionPeriod.

use millrace_api::kinesis::DecreaseStreamRetentionPeriodInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::retention;
use crate::service::Streams;
use crate::state::RetentionChange;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DecreaseStreamRetentionPeriodInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    streams.admit_stream("DecreaseStreamRetentionPeriod", &key)?;
    retention::set(
        streams,
        key,
        input.retention_period_hours,
        RetentionChange::Decrease,
    )
    .await
}

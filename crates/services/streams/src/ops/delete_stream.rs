//! DeleteStream.

use millrace_api::kinesis::DeleteStreamInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::Command;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DeleteStreamInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    let with_consumers = input.enforce_consumer_deletion.unwrap_or(false);
    streams
        .propose(Command::DeleteStream { key, with_consumers })
        .await?;
    Ok(())
}

//! DeregisterStreamConsumer.

use millrace_api::kinesis::DeregisterStreamConsumerInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::Command;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DeregisterStreamConsumerInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: None,
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let target = streams.consumer_target(
        caller,
        named,
        input.consumer_name.as_deref(),
        input.consumer_arn.as_deref(),
    )?;
    streams.admit_stream("DeregisterStreamConsumer", &target.stream)?;
    streams
        .propose(Command::DeregisterConsumer {
            key: target.stream,
            name: target.name,
            created_secs: target.created_secs,
        })
        .await?;
    Ok(())
}

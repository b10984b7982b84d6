//! DeleteChannel: what was delivered stays, what was not is not delivered any more.

use millrace_api::kinesis::DeleteChannelInput;
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::{ChannelCommand, Command};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: DeleteChannelInput,
) -> Result<(), StreamsError> {
    let key = streams.channel_target(caller, &input.channel_arn)?;
    streams
        .propose(Command::Channel {
            key,
            command: ChannelCommand::Delete,
        })
        .await?;
    Ok(())
}

//! UpdateChannel: how fresh data is, and what is logged.

use millrace_api::kinesis::{UpdateChannelInput, UpdateChannelOutput};
use millrace_wire::{ApiError, Caller};

use super::create_channel::freshness;
use crate::channels::shapes;
use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::{Changed, ChannelCommand, Command, Logging};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateChannelInput,
) -> Result<UpdateChannelOutput, StreamsError> {
    let key = streams.channel_target(caller, &input.channel_arn)?;
    if input.s3_tables_destination_configuration.is_some() {
        return Err(StreamsError::Validation(
            "The channel delivers to Amazon S3: give an S3DestinationConfiguration.".to_owned(),
        ));
    }
    let freshness_secs = input
        .s3_destination_configuration
        .map(|update| freshness(streams, update.data_freshness_in_seconds))
        .transpose()?;
    let logging = input.logging_configuration.map(|logging| {
        let logs = logging.cloud_watch_logs;
        Logging {
            enabled: logs.enabled,
            group: logs.log_group_name,
            stream: logs.log_stream_name,
        }
    });
    if freshness_secs.is_none() && logging.is_none() {
        return Err(StreamsError::Validation(
            "Nothing to update: give an S3DestinationConfiguration or a LoggingConfiguration.".to_owned(),
        ));
    }
    let command = Command::Channel {
        key: key.clone(),
        command: ChannelCommand::Update {
            freshness_secs,
            logging,
        },
    };
    match streams.propose(command).await? {
        Changed::Channel(channel) => Ok(UpdateChannelOutput {
            channel_description: shapes::description(&key, &channel),
        }),
        _ => Err(ApiError::internal("updating a channel had another command's outcome").into()),
    }
}

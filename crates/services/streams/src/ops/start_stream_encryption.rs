//! StartStreamEncryption. The first data key is made before the stream changes, so that a master key that cannot be used
//! is told of here.

use millrace_api::kinesis::{EncryptionType, StartStreamEncryptionInput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::{Command, EncryptionChange, EncryptionCommand, Status};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: StartStreamEncryptionInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    streams.admit_stream("StartStreamEncryption", &key)?;
    hold_type(&input.encryption_type)?;
    let status = streams.stream(&key)?.status();
    if status != Status::Active {
        return Err(StreamsError::StreamNotActive(key, status));
    }
    let data_key = streams.make_data_key(&key, &input.key_id).await?;
    let command = EncryptionCommand::Change {
        change: EncryptionChange::Start {
            key_id: input.key_id,
            data_key,
        },
        quotas: streams.quotas(&key.account, &key.region),
    };
    streams.propose(Command::Encryption { key, command }).await?;
    Ok(())
}

/// API StartStreamEncryption, StopStreamEncryption: the only valid type is KMS.
pub(super) fn hold_type(asked: &EncryptionType) -> Result<(), StreamsError> {
    if *asked == EncryptionType::Kms {
        return Ok(());
    }
    Err(StreamsError::InvalidArgument(
        "EncryptionType must be KMS, for starting as for stopping: NONE is what a stream has without."
            .to_owned(),
    ))
}

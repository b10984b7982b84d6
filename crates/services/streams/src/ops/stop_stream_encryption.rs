//! StopStreamEncryption. What was encrypted stays so, and can be read.

use millrace_api::kinesis::StopStreamEncryptionInput;
use millrace_wire::Caller;

use super::start_stream_encryption::hold_type;
use crate::encryption;
use crate::error::StreamsError;
use crate::resolve::Named;
use crate::service::Streams;
use crate::state::{Command, EncryptionChange, EncryptionCommand, Status, Stream, StreamKey};

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: StopStreamEncryptionInput,
) -> Result<(), StreamsError> {
    let named = Named {
        name: input.stream_name.as_deref(),
        arn: input.stream_arn.as_deref(),
        id: input.stream_id.as_deref(),
    };
    let key = streams.target(caller, named)?;
    streams.admit_stream("StopStreamEncryption", &key)?;
    hold_type(&input.encryption_type)?;
    let stream = streams.stream(&key)?;
    if stream.status() == Status::Active {
        hold_key(streams, &key, &stream, &input.key_id).await?;
    }
    let command = EncryptionCommand::Change {
        change: EncryptionChange::Stop,
        quotas: streams.quotas(&key.account, &key.region),
    };
    streams.propose(Command::Encryption { key, command }).await?;
    Ok(())
}

/// The key must be the stream's, by whichever of its names. Where it was written as it was given, nobody is asked:
/// encryption can be stopped while its key cannot be used.
async fn hold_key(
    streams: &Streams,
    key: &StreamKey,
    stream: &Stream,
    asked: &str,
) -> Result<(), StreamsError> {
    let (Some(given), Some((_, current))) = (&stream.encryption.key_id, stream.encryption.current()) else {
        return Err(StreamsError::NotEncrypted(key.clone()));
    };
    if asked == given {
        return Ok(());
    }
    let described = streams.0.keys.describe_key(&encryption::realm(key), asked).await;
    if described.is_ok_and(|described| described.master == current.key.master) {
        return Ok(());
    }
    Err(StreamsError::InvalidArgument(format!(
        "KeyId {asked} is not the key that stream {} under account {} is encrypted with, which is {given}.",
        key.name, key.account
    )))
}

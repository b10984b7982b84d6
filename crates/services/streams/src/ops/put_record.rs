//! PutRecord

use millrace_api::kinesis as api;
use millrace_api::{Shaped, Typed};
use millrace_wire::Reply;

use super::Call;
use crate::error::StreamsError;
use crate::resolve::target;
use crate::shard::answer;
use crate::shard::append::{self, Outcome};
use crate::shard::request::{Put, Shape};

/// One record, durable when answered.
pub(super) async fn call(call: Call<'_>) -> Result<Reply, StreamsError> {
    let put = Put::read(Shape::One, call.codec, &call.body)?;
    let view = call.streams.view(&target(call.caller, put.named())?)?;
    if let Some(number) = &put.ordering {
        call.streams.check_ordering(&view, number)?;
    }
    if put.dry_run {
        return Err(StreamsError::DryRun);
    }
    let outcomes = match append::put(call.streams, &view, &put).await {
        Err(error) if append::is_bad_base64(&error) => {
            append::put(
                call.streams,
                &view,
                &Put::decode(Shape::One, call.codec, &call.body)?,
            )
            .await?
        }
        other => other?,
    };
    match outcomes.as_slice() {
        [Outcome::Stored { shard, number }] => {
            let output = api::PutRecordOutput {
                shard_id: shard.to_string(),
                sequence_number: number.to_string(),
                encryption_type: Some(api::EncryptionType::None),
            };
            Ok(Reply::Body(
                call.codec
                    .encode(api::PutRecordOutput::SHAPE, &output.into_value())
                    .into(),
            ))
        }
        [refused @ Outcome::Throttled(_)] => Err(StreamsError::ThroughputExceeded(
            answer::refusal(&view, refused).1,
        )),
        _ => Err(StreamsError::NotStored),
    }
}

//! PutRecords

use millrace_api::kinesis as api;
use millrace_api::{Shaped, Typed};
use millrace_wire::{Codec, Reply};

use super::Call;
use crate::error::StreamsError;
use crate::resolve::target;
use crate::routing::StreamView;
use crate::shard::answer;
use crate::shard::append::{self, Outcome};
use crate::shard::request::{Put, Shape};

/// Up to 500 records; each has its own outcome, in the request's order.
pub(super) async fn call(call: Call<'_>) -> Result<Reply, StreamsError> {
    let put = Put::read(Shape::Many, call.codec, &call.body)?;
    let view = call.streams.view(&target(call.caller, put.named())?)?;
    if put.dry_run {
        return Err(StreamsError::DryRun);
    }
    let outcomes = match append::put(call.streams, &view, &put).await {
        Err(error) if append::is_bad_base64(&error) => {
            append::put(
                call.streams,
                &view,
                &Put::decode(Shape::Many, call.codec, &call.body)?,
            )
            .await?
        }
        other => other?,
    };
    let failed = outcomes
        .iter()
        .filter(|o| !matches!(o, Outcome::Stored { .. }))
        .count();
    call.streams.0.metrics.failed_records.add(failed as u64);
    let body = match call.codec {
        Codec::Cbor11 => call.codec.encode(
            api::PutRecordsOutput::SHAPE,
            &output(&view, &outcomes, failed).into_value(),
        ),
        Codec::Json10 | Codec::Json11 => answer::put_records(&view, &outcomes),
    };
    Ok(Reply::Body(body.into()))
}

fn output(view: &StreamView, outcomes: &[Outcome], failed: usize) -> api::PutRecordsOutput {
    let entry = |outcome: &Outcome| match outcome {
        Outcome::Stored { shard, number } => api::PutRecordsResultEntry {
            sequence_number: Some(number.to_string()),
            shard_id: Some(shard.to_string()),
            error_code: None,
            error_message: None,
        },
        refused => {
            let (code, message) = answer::refusal(view, refused);
            api::PutRecordsResultEntry {
                sequence_number: None,
                shard_id: None,
                error_code: Some(code.to_owned()),
                error_message: Some(message),
            }
        }
    };
    api::PutRecordsOutput {
        failed_record_count: i32::try_from(failed).ok(),
        records: outcomes.iter().map(entry).collect(),
        encryption_type: Some(api::EncryptionType::None),
    }
}

//! UpdateQueueRecordsVisibility.

use millrace_api::kinesis::{UpdateQueueRecordsVisibilityInput, UpdateQueueRecordsVisibilityOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues::Kind;
use crate::queues::entries::{Entry, Settle, settle};
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: UpdateQueueRecordsVisibilityInput,
) -> Result<UpdateQueueRecordsVisibilityOutput, StreamsError> {
    let entries = input
        .entries
        .into_iter()
        .map(|entry| Entry {
            handle: entry.receipt_handle,
            visibility_secs: entry.visibility_timeout_seconds,
        })
        .collect();
    let settled = settle(
        streams,
        caller,
        &input.queue_arn,
        Settle::Hide(Kind::Live),
        entries,
    )
    .await?;
    Ok(UpdateQueueRecordsVisibilityOutput {
        successful: settled.successful.into_iter().map(Into::into).collect(),
        failed: settled.failed.into_iter().map(Into::into).collect(),
    })
}

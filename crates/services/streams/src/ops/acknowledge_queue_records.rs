//! AcknowledgeQueueRecords.

use millrace_api::kinesis::{AcknowledgeQueueRecordsInput, AcknowledgeQueueRecordsOutput};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues::Kind;
use crate::queues::entries::{Entry, Settle, settle};
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: AcknowledgeQueueRecordsInput,
) -> Result<AcknowledgeQueueRecordsOutput, StreamsError> {
    let entries = input
        .entries
        .into_iter()
        .map(|entry| Entry::of(entry.receipt_handle))
        .collect();
    let settled = settle(
        streams,
        caller,
        &input.queue_arn,
        Settle::Acknowledge(Kind::Live),
        entries,
    )
    .await?;
    Ok(AcknowledgeQueueRecordsOutput {
        successful: settled.successful.into_iter().map(Into::into).collect(),
        failed: settled.failed.into_iter().map(Into::into).collect(),
    })
}

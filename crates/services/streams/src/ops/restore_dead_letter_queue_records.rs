//! RestoreDeadLetterQueueRecords.

use millrace_api::kinesis::{
    RestoreDeadLetterQueueRecordsErrorEntry as ErrorEntry, RestoreDeadLetterQueueRecordsInput,
    RestoreDeadLetterQueueRecordsOutput, RestoreDeadLetterQueueRecordsResultEntry as ResultEntry,
};
use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues::entries::{Entry, Settle, answer, settle};
use crate::service::Streams;

pub(crate) async fn call(
    streams: &Streams,
    caller: &Caller,
    input: RestoreDeadLetterQueueRecordsInput,
) -> Result<RestoreDeadLetterQueueRecordsOutput, StreamsError> {
    let entries = input
        .entries
        .into_iter()
        .map(|entry| Entry::of(entry.receipt_handle))
        .collect();
    let settled = settle(streams, caller, &input.queue_arn, Settle::Restore, entries).await?;
    Ok(answer!(settled => RestoreDeadLetterQueueRecordsOutput { ResultEntry, ErrorEntry }))
}

//! What becomes of records, entry by entry: each has its own result.

use millrace_api::kinesis as api;
use millrace_wire::{ApiError, Caller};

use super::machine::{Action, Kind, Outcome, Receipt, Refusal};
use super::receipt;
use crate::error::StreamsError;
use crate::service::Streams;
use crate::state::LogNumber;

/// What is to be done with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    /// They are never handed out again.
    Acknowledge(Kind),
    /// Their visibility timeout starts anew.
    Hide(Kind),
    /// They are received like others again.
    Restore,
}

impl Settle {
    /// By which operation the records must have been received.
    const fn kind(self) -> Kind {
        match self {
            Self::Acknowledge(kind) | Self::Hide(kind) => kind,
            Self::Restore => Kind::Dead,
        }
    }
}

/// One entry of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) handle: String,
    /// The new visibility timeout, where one is set.
    pub(crate) visibility_secs: i32,
}

impl Entry {
    /// An entry without a timeout.
    pub(crate) const fn of(handle: String) -> Self {
        Self {
            handle,
            visibility_secs: 0,
        }
    }
}

/// An entry with which nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) handle: String,
    pub(crate) code: String,
    pub(crate) message: Option<String>,
}

/// The receipt handle of an entry with which all went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handle(String);

/// The receipt handles of a request, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) successful: Vec<Handle>,
    pub(crate) failed: Vec<Failed>,
}

/// An entry of each operation's answer, alike in all but the names of their types.
macro_rules! answers {
    ($($Successful:ident, $Failed:ident;)+) => {$(
        impl From<Handle> for api::$Successful {
            fn from(Handle(receipt_handle): Handle) -> Self {
                Self { receipt_handle }
            }
        }

        impl From<Failed> for api::$Failed {
            fn from(failed: Failed) -> Self {
                Self {
                    receipt_handle: failed.handle,
                    error_code: failed.code,
                    error_message: failed.message,
                }
            }
        }
    )+};
}

answers! {
    AcknowledgeQueueRecordsResultEntry, AcknowledgeQueueRecordsErrorEntry;
    AcknowledgeDeadLetterQueueRecordsResultEntry, AcknowledgeDeadLetterQueueRecordsErrorEntry;
    UpdateQueueRecordsVisibilityResultEntry, UpdateQueueRecordsVisibilityErrorEntry;
    UpdateDeadLetterQueueRecordsVisibilityResultEntry, UpdateDeadLetterQueueRecordsVisibilityErrorEntry;
    RestoreDeadLetterQueueRecordsResultEntry, RestoreDeadLetterQueueRecordsErrorEntry;
}

/// Settles the entries of a request. An error is about all of them.
pub(crate) async fn settle(
    streams: &Streams,
    caller: &Caller,
    arn: &str,
    settle: Settle,
    entries: Vec<Entry>,
) -> Result<Settled, StreamsError> {
    let key = streams.queue_target(caller, arn)?;
    let queue = streams.delivering(&key)?;
    let receipts: Vec<Result<Receipt, Failed>> = entries
        .iter()
        .map(|entry| receipt_of(streams, queue.log, settle, entry))
        .collect();
    let genuine: Vec<(Receipt, u64)> = entries
        .iter()
        .zip(&receipts)
        .filter_map(|(entry, receipt)| {
            let millis = u64::try_from(entry.visibility_secs).unwrap_or(0) * 1000;
            Some((*receipt.as_ref().ok()?, millis))
        })
        .collect();
    let mut results = Vec::new();
    if !genuine.is_empty() {
        let open = streams.0.queues.get(streams, &key, &queue).await?;
        results = match open.propose(&queue, action(settle, genuine)).await? {
            Outcome::Entries(results) => results,
            Outcome::Done | Outcome::Received(_) => {
                return Err(ApiError::internal("settling entries had another command's outcome").into());
            }
        };
        if settle == Settle::Acknowledge(Kind::Live) {
            let acknowledged = results.iter().filter(|result| result.is_ok()).count();
            open.counts.acknowledged.add(acknowledged as u64);
        }
    }
    let mut results = results.into_iter();
    let mut settled = Settled::default();
    for (entry, receipt) in entries.into_iter().zip(receipts) {
        match receipt.map(|_| results.next()) {
            Ok(Some(Ok(()))) => settled.successful.push(Handle(entry.handle)),
            Ok(Some(Err(refusal))) => settled.failed.push(Failed {
                handle: entry.handle,
                code: code(refusal).to_owned(),
                message: Some(refusal.to_string()),
            }),
            // As many results as genuine receipts.
            Ok(None) => settled.failed.push(Failed {
                handle: entry.handle,
                code: "InternalFailureException".to_owned(),
                message: None,
            }),
            Err(failed) => settled.failed.push(failed),
        }
    }
    Ok(settled)
}

fn action(settle: Settle, receipts: Vec<(Receipt, u64)>) -> Action {
    let plain = |receipts: Vec<(Receipt, u64)>| receipts.into_iter().map(|(receipt, _)| receipt).collect();
    match settle {
        Settle::Acknowledge(kind) => Action::Acknowledge {
            kind,
            receipts: plain(receipts),
        },
        Settle::Hide(kind) => Action::Hide { kind, receipts },
        Settle::Restore => Action::Restore {
            receipts: plain(receipts),
        },
    }
}

/// What an entry's handle says, if it is one of this queue and of this family of operations.
fn receipt_of(streams: &Streams, queue: LogNumber, settle: Settle, entry: &Entry) -> Result<Receipt, Failed> {
    let invalid = |message: &str| Failed {
        handle: entry.handle.clone(),
        code: "InvalidArgumentException".to_owned(),
        message: Some(message.to_owned()),
    };
    let handle = receipt::read(&streams.0.queues.receipts.0, &entry.handle)
        .ok_or_else(|| invalid("The receipt handle is invalid."))?;
    if handle.queue != queue {
        return Err(invalid("The receipt handle was issued by another queue."));
    }
    match (handle.kind, settle.kind()) {
        (Kind::Live, Kind::Dead) => Err(invalid(
            "The receipt handle was issued by ReceiveQueueRecords; this operation takes those of \
             ReceiveDeadLetterQueueRecords.",
        )),
        (Kind::Dead, Kind::Live) => Err(invalid(
            "The receipt handle was issued by ReceiveDeadLetterQueueRecords; this operation takes those of \
             ReceiveQueueRecords.",
        )),
        _ => Ok(handle.receipt),
    }
}

/// The published codes of an entry (API AcknowledgeQueueRecordsErrorEntry and its like).
const fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Gone => "ResourceNotFoundException",
        Refusal::Stale | Refusal::Dead | Refusal::Restored => "InvalidArgumentException",
        Refusal::Full => "ThrottlingException",
    }
}

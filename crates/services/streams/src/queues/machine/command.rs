//! What may happen to a queue's state. Commands are stored in the queue's own log: a variant or field is never renamed
//! or reused, and a new field needs a serde default.

use millrace_base::Timestamp;
use millrace_log::Offset;
use serde::{Deserialize, Serialize};

use crate::state::{ShardIndex, Start};

/// A decided change. The time is that of the queue's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    /// What the queue is set to when this is proposed: after so many receives a record becomes a dead letter.
    pub(crate) max_receives: Option<u32>,
    /// What is to be done.
    pub(crate) action: Action,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// Says where delivery begins, once; a second one changes nothing.
    Begin(Start),
    /// Hands records out: first those that became visible again, then new ones.
    Receive {
        /// At most so many.
        limit: u32,
        /// How long they stay invisible.
        visibility_ms: u64,
        /// Where new ones may be taken from, in this order.
        offers: Vec<Offer>,
    },
    /// Hands dead letters out.
    ReceiveDead {
        /// At most so many.
        limit: u32,
        /// How long they stay invisible.
        visibility_ms: u64,
    },
    /// Records that are never handed out again.
    Acknowledge {
        /// By which operation they were received.
        kind: Kind,
        /// Which.
        receipts: Vec<Receipt>,
    },
    /// Records whose visibility timeout starts anew.
    Hide {
        /// By which operation they were received.
        kind: Kind,
        /// Which, and for how long each, in milliseconds.
        receipts: Vec<(Receipt, u64)>,
    },
    /// Dead letters that are received like others again.
    Restore {
        /// Which.
        receipts: Vec<Receipt>,
    },
    /// Records that were handed out but did not fit into the answer: their receive does not count.
    Release {
        /// Which.
        receipts: Vec<Receipt>,
    },
    /// Records that the stream has no more.
    Drop {
        /// Shards that are gone.
        shards: Vec<ShardIndex>,
        /// Everything before these offsets.
        before: Vec<(ShardIndex, Offset)>,
        /// Single records.
        records: Vec<(ShardIndex, Offset)>,
    },
}

/// Records of a shard that the proposer saw, whether they were handed out by now or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// Which shard.
    pub(crate) shard: ShardIndex,
    /// The oldest record there is.
    pub(crate) start: Offset,
    /// One behind the newest.
    pub(crate) end: Offset,
}

/// The two ways of receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// ReceiveQueueRecords
    Live,
    /// ReceiveDeadLetterQueueRecords
    Dead,
}

/// One receive of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// The record's shard.
    pub(crate) shard: ShardIndex,
    /// Its offset there.
    pub(crate) offset: Offset,
    /// Which receive: no two of a record have the same number. It is that of the command in the queue's log.
    pub(crate) receive: u64,
}

/// What a command did, for whoever proposed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done, or there was nothing left to do.
    Done,
    /// These records were handed out.
    Received(Vec<Handed>),
    /// Of every receipt in the command, in their order.
    Entries(Vec<Result<(), Refusal>>),
}

/// A record that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handed {
    /// This receive.
    pub(crate) receipt: Receipt,
    /// How often it was received, this receive included.
    pub(crate) receives: u32,
    /// When it was received first.
    pub(crate) first: Timestamp,
}

/// Why nothing was done with a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There was a later receive.
    #[error(
        "The receipt handle has expired: the record was received again since. Use the handle of its newest receive."
    )]
    Stale,
    /// The record was acknowledged, or retention took it.
    #[error(
        "The record is not in the queue any more: it was acknowledged, or the stream's retention period is over."
    )]
    Gone,
    /// It became a dead letter.
    #[error("The record has become a dead-letter record: receive it with ReceiveDeadLetterQueueRecords.")]
    Dead,
    /// It was restored.
    #[error("The record is not a dead-letter record any more: it was restored.")]
    Restored,
    /// [`crate::limits::QUEUE_IN_FLIGHT_MAX`]
    #[error("The queue has as many records in flight as it may: acknowledge some first.")]
    Full,
}

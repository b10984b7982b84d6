//! Reading a stream: one task a shard, by GetRecords or by SubscribeToShard, and the topology of shards behind them.
//!
//! A reader delivers in the order of its shard. When a shard was split or merged, its children are started once all
//! of their parents that are being read have ended: a key's records stay in order across a resharding.

mod follow;
mod limits;
mod poll;
mod push;

use millrace_api::EpochMillis;
use millrace_api::kinesis::{ChildShard, Record, ShardIteratorType};

use crate::client::CallError;

pub(crate) use follow::{Follower, How, Options, list, shards_at};

/// Where to start in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Behind the newest record.
    Latest,
    /// At the oldest record.
    TrimHorizon,
    /// At the first record of that time or later.
    AtTimestamp(EpochMillis),
    /// At that record.
    AtSequence(String),
    /// Behind that record.
    AfterSequence(String),
}

impl Start {
    /// The API's iterator type, its sequence number and its time.
    fn parts(&self) -> (ShardIteratorType, Option<String>, Option<EpochMillis>) {
        match self {
            Self::Latest => (ShardIteratorType::Latest, None, None),
            Self::TrimHorizon => (ShardIteratorType::TrimHorizon, None, None),
            Self::AtTimestamp(time) => (ShardIteratorType::AtTimestamp, None, Some(*time)),
            Self::AtSequence(number) => (ShardIteratorType::AtSequenceNumber, Some(number.clone()), None),
            Self::AfterSequence(number) => {
                (ShardIteratorType::AfterSequenceNumber, Some(number.clone()), None)
            }
        }
    }
}

/// What a reader has to say.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// Records of a shard, in order; none where the shard is idle.
    Records {
        /// Whose.
        shard: String,
        /// In order.
        records: Vec<Record>,
        /// Nothing stands behind these, and the shard still takes records.
        caught_up: bool,
    },
    /// A shard has no more records and never will.
    End {
        /// Whose.
        shard: String,
        /// What it was split or merged into.
        children: Vec<ChildShard>,
    },
    /// Reading goes on, but something happened.
    Trouble {
        /// Whose.
        shard: String,
        /// What.
        error: CallError,
    },
    /// A shard cannot be read any more.
    Failed {
        /// Whose.
        shard: String,
        /// Why.
        error: CallError,
    },
}

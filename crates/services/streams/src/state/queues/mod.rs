//! Queues over streams: what they are called and set to. What they handed out is kept by the queues themselves, each
//! in a log of its own (`crate::queues`).

mod change;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use millrace_control::Applied;
use millrace_log::Offset;
use millrace_wire::arn::Arn;
use serde::{Deserialize, Serialize};

use super::ids::written_with_slashes;
use super::{AttachedPolicy, LogNumber, Mode, ShardIndex, Status, StreamKey, StreamUid, StreamsState};
use crate::limits::Quotas;

/// Where a queue lives and the identifier in its ARN. JSON: `"account/region/id"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Generated, small letters and digits; never used twice.
    pub id: String,
}

impl QueueKey {
    /// A key of these parts.
    pub fn new(account: impl Into<String>, region: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
            id: id.into(),
        }
    }

    /// The queue's ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        Arn::queue(&self.region, &self.account, &self.id).to_string()
    }
}

written_with_slashes!(QueueKey, id);

/// `StartingPosition`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// `LATEST`
    Latest,
    /// `TRIM_HORIZON`
    TrimHorizon,
    /// `AT_TIMESTAMP`
    AtTimestamp(Timestamp),
}

/// Where delivery begins in each shard. Shards from `known` on are delivered from their first record, whenever they
/// are born; of the others those that are listed, from that offset on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// One behind the newest shard when the queue was created.
    pub known: ShardIndex,
    /// First offset to deliver.
    pub at: BTreeMap<ShardIndex, Offset>,
}

/// `DeadLetterConfiguration`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetters {
    /// `NONE`
    Off,
    /// `BUILT_IN`, with its `MaxReceiveCount`.
    After(u32),
}

/// `QueueAttributes`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// How long a record that was received stays invisible, in seconds.
    pub visibility_secs: u32,
    /// What becomes of a record that is not acknowledged.
    pub dead_letters: DeadLetters,
}

impl Attributes {
    /// Receives after which a record becomes a dead letter; never, where there is no value.
    #[must_use]
    pub const fn max_receives(&self) -> Option<u32> {
        match self.dead_letters {
            DeadLetters::Off => None,
            DeadLetters::After(count) => Some(count),
        }
    }
}

/// What is still to be done before a queue rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueuePhase {
    /// Its log has to be created and told where to start.
    Creating(Start),
    /// Nothing.
    Active,
    /// Nothing either: its new attributes hold already, clients are only told so later.
    Updating,
    /// Its log and snapshots have to be deleted.
    Deleting,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Unique within the account and region.
    pub name: String,
    /// The log of its state.
    pub log: LogNumber,
    /// The stream it delivers from.
    pub stream: StreamKey,
    /// And no later one of that name; a stream is not deleted before its queues are.
    pub stream_uid: StreamUid,
    /// When that stream was created.
    pub stream_created: Timestamp,
    /// When it was created.
    pub created: Timestamp,
    /// What is still to be done.
    pub phase: QueuePhase,
    /// What was asked for.
    pub position: Position,
    /// The time from which records are delivered.
    pub effective: Timestamp,
    /// What it is set to.
    pub attributes: Attributes,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its resource policy.
    #[serde(default, skip_serializing_if = "AttachedPolicy::is_none")]
    pub policy: AttachedPolicy,
}

impl Queue {
    /// What clients see (`QueueStatus`).
    #[must_use]
    pub const fn status(&self) -> Status {
        match self.phase {
            QueuePhase::Creating(_) => Status::Creating,
            QueuePhase::Active => Status::Active,
            QueuePhase::Updating => Status::Updating,
            QueuePhase::Deleting => Status::Deleting,
        }
    }
}

/// Which step of a queue's life is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It can be received from.
    Created,
    /// Clients may know that it was updated.
    Updated,
    /// Nothing is left of it.
    Deleted,
}

/// What may happen to the queues. Stored like every command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueCommand {
    /// CreateQueue
    Create {
        /// Which.
        key: QueueKey,
        /// What it is called.
        name: String,
        /// The stream it delivers from.
        stream: StreamKey,
        /// And no later one of that name: `start` is of this one.
        uid: StreamUid,
        /// What was asked for.
        position: Position,
        /// The time from which records are delivered.
        effective: Timestamp,
        /// The same as offsets.
        start: Start,
        /// What it is set to.
        attributes: Attributes,
        /// Its tags.
        tags: BTreeMap<String, String>,
        /// What the account may have.
        quotas: Quotas,
    },
    /// UpdateQueue
    Update {
        /// Which.
        key: QueueKey,
        /// In seconds, where it changes.
        visibility_secs: Option<u32>,
        /// Where it changes.
        dead_letters: Option<DeadLetters>,
    },
    /// DeleteQueue
    Delete {
        /// Which.
        key: QueueKey,
        /// What the account may do.
        quotas: Quotas,
    },
    /// A transition is over.
    Settled {
        /// Which.
        key: QueueKey,
        /// Which transition; of another one than is under way nothing comes.
        step: Settled,
    },
}

impl StreamsState {
    /// A queue.
    #[must_use]
    pub fn queue(&self, key: &QueueKey) -> Option<&Queue> {
        self.queues.get(key)
    }

    /// Every queue of every account and region.
    pub fn queues(&self) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        self.queues.iter()
    }

    /// The queues of one account in one region with an identifier greater than `after`, by identifier.
    pub fn queues_of<'a>(
        &'a self,
        account: &'a str,
        region: &'a str,
        after: &str,
    ) -> impl Iterator<Item = (&'a QueueKey, &'a Queue)> {
        let from = QueueKey::new(account, region, after);
        self.queues
            .range((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.account == account && key.region == region)
    }

    /// How many queues a stream has.
    #[must_use]
    pub fn queue_count(&self, stream: &StreamKey) -> usize {
        self.queues_of(&stream.account, &stream.region, "")
            .filter(|(_, queue)| queue.stream == *stream)
            .count()
    }

    /// Consumers and queues that a stream may have, all in all: more on on-demand streams of an account that is
    /// committed (API CreateQueue, RegisterStreamConsumer).
    pub(in crate::state) fn registered_max(&self, at: Applied, key: &StreamKey, quotas: Quotas) -> u32 {
        let on_demand = self
            .stream(key)
            .is_some_and(|stream| stream.mode == Mode::OnDemand);
        let committed = self
            .commitment(&key.account, &key.region)
            .is_some_and(|commitment| !commitment.is_over(at.time));
        if on_demand && committed {
            quotas.consumers_per_stream.max(quotas.consumers_committed)
        } else {
            quotas.consumers_per_stream
        }
    }
}

//! Why a queue refuses.

use crate::limits::{QUEUE_IN_FLIGHT_MAX, QUEUE_RECORDS_MAX};
use crate::queues::machine::Full;
use crate::state::{QueueKey, Status, StreamKey};

/// Why a call about a queue failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// No such queue.
    #[error("Queue {} not found.", .0.arn())]
    NotFound(QueueKey),
    /// CreateQueue of a name that is taken.
    #[error("Queue {name} under account {account} already exists.")]
    Exists {
        /// Whose.
        account: String,
        /// Its name.
        name: String,
    },
    /// The operation needs an active queue.
    #[error("Queue {} not ACTIVE, instead in state {}", .0.arn(), .1.as_str())]
    NotActive(QueueKey, Status),
    /// Records flow neither before a queue is active nor once it is deleted.
    #[error("Queue {} delivers no records in state {}.", .0.arn(), .1.as_str())]
    NotDelivering(QueueKey, Status),
    /// CreateQueue on a provisioned stream.
    #[error(
        "Request is invalid. Stream {} under account {} is in PROVISIONED mode: queues are for streams in ON_DEMAND \
         mode.", .0.name, .0.account
    )]
    Provisioned(StreamKey),
    /// The stream cannot be deleted or become provisioned.
    #[error("Stream {} under account {} has {} queues: delete them first with DeleteQueue.", .0.name, .0.account, .1)]
    StreamHasQueues(StreamKey, usize),
    /// So many records are in flight that no new ones are handed out.
    #[error(
        "Queue {} has {QUEUE_IN_FLIGHT_MAX} records in flight, which is the limit: acknowledge some.", .0.arn()
    )]
    InFlight(QueueKey),
    /// So many records are not acknowledged that no new ones are handed out.
    #[error(
        "Queue {} holds {QUEUE_RECORDS_MAX} records that are not acknowledged, dead-letter records among them, which \
         is the limit: acknowledge some.", .0.arn()
    )]
    Held(QueueKey),
    /// So many calls wait for the queue's log that no more are taken.
    #[error("Too many calls change queue {} at the same time: try again later.", .0.arn())]
    Busy(QueueKey),
}

impl QueueError {
    /// The error of a bound that is reached.
    pub(crate) fn full(key: QueueKey, full: Full) -> Self {
        match full {
            Full::InFlight => Self::InFlight(key),
            Full::Held => Self::Held(key),
        }
    }

    /// Its code on the wire.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) | Self::NotDelivering(..) => "ResourceNotFoundException",
            Self::Exists { .. } | Self::NotActive(..) | Self::StreamHasQueues(..) => "ResourceInUseException",
            Self::Provisioned(_) => "ValidationException",
            Self::InFlight(_) | Self::Held(_) | Self::Busy(_) => "ThrottlingException",
        }
    }
}

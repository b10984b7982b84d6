//! Queues by their keys.

use crate::error::StreamsError;
use crate::queues::QueueError;
use crate::service::Streams;
use crate::state::{Queue, QueueKey, Status};

impl Streams {
    /// A queue in any state, for the control plane.
    pub(crate) fn queue(&self, key: &QueueKey) -> Result<Queue, StreamsError> {
        self.0
            .control
            .read(|state| state.queue(key).cloned())
            .ok_or_else(|| QueueError::NotFound(key.clone()).into())
    }

    /// A queue that records flow through: it may be UPDATING (API UpdateQueue).
    pub(super) fn delivering(&self, key: &QueueKey) -> Result<Queue, StreamsError> {
        let queue = self.queue(key)?;
        match queue.status() {
            Status::Active | Status::Updating => Ok(queue),
            other => Err(QueueError::NotDelivering(key.clone(), other).into()),
        }
    }
}

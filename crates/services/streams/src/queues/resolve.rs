//! From what a request names to the queue it means.

use millrace_wire::Caller;

use crate::error::StreamsError;
use crate::queues::QueueError;
use crate::resolve::parse;
use crate::service::Streams;
use crate::state::{Queue, QueueKey, Status};

/// The queue an ARN names.
pub(crate) fn queue_of_arn(caller: &Caller, text: &str) -> Result<QueueKey, StreamsError> {
    let arn = parse(caller, text)?;
    match arn.queue_id() {
        Some(id) => Ok(QueueKey::new(arn.account.as_str(), &*arn.region, id)),
        None => Err(StreamsError::InvalidArgument(format!(
            "{text} is not the ARN of a queue."
        ))),
    }
}

/// The queue an ARN names, if it names one and not something else.
pub(crate) fn named(caller: &Caller, text: &str) -> Result<Option<QueueKey>, StreamsError> {
    match parse(caller, text)?.queue_id() {
        Some(_) => queue_of_arn(caller, text).map(Some),
        None => Ok(None),
    }
}

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

//! How metrics outlive the process: a log of what was put, and checkpoints of what that came to.
//!
//! A put is a record of one log, `bytes` draws it; the writer appends what several callers brought in one batch. Every
//! node follows the log and applies its records in order, its own ones too, so that all nodes and every restart come to
//! the same [`Store`](super::state::Store). A put is answered when its record is durable *and* applied: it is in every
//! query from then on. When the records have grown as large as the store is, the store is written to the blob store as a
//! checkpoint and the log is trimmed behind it; records older than everything that is kept are trimmed in any case.

pub(crate) mod bytes;
pub(crate) mod checkpoint;
mod follow;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_base::{Clock, Tasks};
use millrace_blob::Blobs;
use millrace_log::{Log, LogId, Offset};
use tokio::sync::{Notify, watch};

use super::error::{CloudwatchError, OpenError};
use super::limits::REFUSALS_MAX;
use super::metrics::Metrics;
use super::state::{Full, Store, Update};

use write::Writes;

/// The log of this service's data; its whole space is `[2 << 56, 3 << 56)`.
pub(crate) const LOG: LogId = LogId(2 << 56);

/// What the journal runs on.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Tasks,
    pub(crate) metrics: Arc<Metrics>,
    /// When a checkpoint is due, in bytes of records.
    pub(crate) checkpoint_bytes: u64,
}

/// The store as it follows the log.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    /// The next record to apply.
    pub(crate) next: Offset,
    /// Records that were not applied and why, the newest only.
    refused: BTreeMap<Offset, Full>,
}

/// The log, the store and what moves data between them.
#[derive(Debug)]
pub(crate) struct Journal {
    parts: Parts,
    state: Mutex<State>,
    applied: watch::Sender<Offset>,
    writes: Writes,
    /// Nothing is written any more.
    ended: Arc<Notify>,
}

impl Journal {
    /// Brings the store to the end of the log, follows until the tasks are told to stop, and writes until
    /// [`Journal::end`].
    pub(crate) async fn open(parts: Parts) -> Result<Arc<Self>, OpenError> {
        let (writes, queue) = Writes::new();
        let journal = Arc::new(Self {
            state: Mutex::new(State {
                store: Store::default(),
                next: 0,
                refused: BTreeMap::new(),
            }),
            applied: watch::Sender::new(0),
            writes,
            ended: Arc::default(),
            parts,
        });
        let follower = follow::Follower::open(Arc::clone(&journal)).await?;
        let tasks = &journal.parts.tasks;
        tasks.spawn(follower.run());
        tasks.spawn(write::run(
            journal.parts.clone(),
            queue,
            Arc::clone(&journal.ended),
        ));
        Ok(journal)
    }

    /// Hands an update to the writer without waiting for it to become visible.
    pub(crate) async fn write(&self, update: &Update) -> Result<(), CloudwatchError> {
        self.writes.write(bytes::encode(update)).await.map(drop)
    }

    /// Ends the writer, once everything that waits is written.
    pub(crate) fn end(&self) {
        self.ended.notify_one();
    }

    /// The store, as of now.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an update durable and visible.
    pub(crate) async fn put(&self, update: &Update) -> Result<(), CloudwatchError> {
        self.admits(update)?;
        let offset = self.writes.write(bytes::encode(update)).await?;
        let mut applied = self.applied.subscribe();
        tokio::select! {
            reached = applied.wait_for(|next| *next > offset) => drop(reached.map_err(|_| CloudwatchError::Stopped)?),
            // Nobody applies any more; it is durable all the same.
            () = self.parts.tasks.stopping() => return Err(CloudwatchError::Stopped),
        }
        match self.state().refused.get(&offset) {
            Some(full) => Err(CloudwatchError::Full(*full)),
            None => Ok(()),
        }
    }

    /// Refuses early what the store would refuse. A store that no record reached in this minute may still hold what is
    /// too old by now: only the record itself shows.
    fn admits(&self, update: &Update) -> Result<(), CloudwatchError> {
        let minute = self.parts.clock.now().seconds() / 60;
        let state = self.state();
        if state.store.now() / 60 < minute {
            return Ok(());
        }
        state.store.admits(update).map_err(CloudwatchError::Full)
    }
}

impl State {
    fn refuse(&mut self, offset: Offset, full: Full) {
        self.refused.insert(offset, full);
        if self.refused.len() > REFUSALS_MAX {
            self.refused.pop_first();
        }
    }
}

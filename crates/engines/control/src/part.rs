//! One state machine: who reads it, who proposes to it, and how the applier reaches it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use millrace_log::{Batch, Log, LogId};
use serde_json::value::RawValue;
use tokio::sync::{oneshot, watch};

use crate::command::{self, Proposer, Record};
use crate::control::Status;
use crate::limits::PROPOSALS_MAX;
use crate::{Applied, ControlError, Machine};

/// What all parts of one control plane share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) log_id: LogId,
    pub(crate) proposer: Proposer,
    /// Counts this opening's proposals.
    pub(crate) sequence: AtomicU64,
    /// One behind the last applied command.
    pub(crate) applied: watch::Sender<u64>,
    pub(crate) status: watch::Sender<Status>,
}

impl Shared {
    /// Why nothing is applied (any more); `None` while all is well.
    fn refusal(&self) -> Option<ControlError> {
        match &*self.status.borrow() {
            Status::Running => None,
            Status::Opening | Status::Closed => Some(ControlError::Closed),
            Status::Failed(error) => Some(error.clone()),
        }
    }
}

/// A service's handle on its state machine. Clones share it.
pub struct Part<M: Machine> {
    inner: Arc<Inner<M>>,
}

pub(crate) struct Inner<M: Machine> {
    tag: u16,
    shared: Arc<Shared>,
    state: RwLock<M>,
    changed: watch::Sender<u64>,
    /// Proposals of this node by sequence, until their command is applied.
    waiting: Mutex<HashMap<u64, oneshot::Sender<M::Outcome>>>,
}

impl<M: Machine> Part<M> {
    pub(crate) fn new(tag: u16, shared: Arc<Shared>) -> Self {
        let inner = Inner {
            tag,
            shared,
            state: RwLock::default(),
            changed: watch::Sender::new(0),
            waiting: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn erased(&self) -> Arc<dyn AnyPart> {
        Arc::clone(&self.inner) as Arc<dyn AnyPart>
    }

    /// Appends `command` to the log and yields what applying it on this node gave. The command is in the log
    /// durably before it is applied. Dropping the future does not take the command back.
    ///
    /// # Errors
    /// [`ControlError::TooLarge`] and [`ControlError::Overloaded`]: not proposed. All others: it may or may not be
    /// applied.
    pub async fn propose(&self, command: M::Command) -> Result<M::Outcome, ControlError> {
        let shared = &self.inner.shared;
        let sequence = shared.sequence.fetch_add(1, Ordering::Relaxed);
        let record = command::encode(self.inner.tag, shared.proposer, sequence, &command)?;
        drop(command);
        let (waiting, mut outcome) = self.inner.wait(sequence)?;
        let mut append = shared.log.append(shared.log_id, Batch::of(&[record]));
        // The applier may be quicker than the append's own answer; and when it ends, nobody waits for the log.
        let outcome = tokio::select! {
            biased;
            outcome = &mut outcome => outcome,
            appended = &mut append => {
                appended?;
                outcome.await
            }
        };
        drop(waiting);
        outcome.map_err(|_| shared.refusal().unwrap_or(ControlError::Skipped))
    }

    /// Looks at the state between two commands. `f` must be quick: nothing is applied meanwhile.
    pub fn read<T>(&self, f: impl FnOnce(&M) -> T) -> T {
        f(&self.inner.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// One behind the position of the newest command applied to this part, as it moves. A value that was seen is
    /// also visible to [`Part::read`].
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }
}

impl<M: Machine> Clone for Part<M> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<M: Machine> fmt::Debug for Part<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({}, at {})", self.inner.tag, *self.inner.changed.borrow())
    }
}

/// Takes a proposal out of the waiting ones when it is answered or dropped.
struct Waiting<'a, M: Machine> {
    inner: &'a Inner<M>,
    sequence: u64,
}

impl<M: Machine> Drop for Waiting<'_, M> {
    fn drop(&mut self) {
        self.inner.waiting().remove(&self.sequence);
    }
}

impl<M: Machine> Inner<M> {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<M::Outcome>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, sequence: u64) -> Result<(Waiting<'_, M>, oneshot::Receiver<M::Outcome>), ControlError> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting();
        // Under the lock, so that whoever closes the control plane either is seen here or finds this proposal.
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        if waiting.len() >= PROPOSALS_MAX {
            return Err(ControlError::Overloaded);
        }
        waiting.insert(sequence, sender);
        drop(waiting);
        Ok((
            Waiting {
                inner: self,
                sequence,
            },
            receiver,
        ))
    }
}

/// A part as the applier sees it, whatever its machine.
pub(crate) trait AnyPart: Send + Sync {
    /// Applies one command and hands its outcome to the proposal that waits for it, if it is one of this node's.
    fn apply(&self, at: Applied, record: &Record<'_>) -> Result<(), String>;

    /// The state as JSON.
    fn save(&self) -> Result<Box<RawValue>, String>;

    /// Replaces the state by a snapshot's at `index`; by an empty one where the snapshot has none.
    fn load(&self, index: u64, json: Option<&RawValue>) -> Result<(), String>;

    /// Lets go of every waiting proposal.
    fn abandon(&self);
}

impl<M: Machine> AnyPart for Inner<M> {
    fn apply(&self, at: Applied, record: &Record<'_>) -> Result<(), String> {
        let command = serde_json::from_slice(record.json).map_err(|error| error.to_string())?;
        let outcome = self
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .apply(at, command);
        self.changed.send_replace(at.index + 1);
        let mine = record.proposer == self.shared.proposer;
        let waiting = if mine {
            self.waiting().remove(&record.sequence)
        } else {
            None
        };
        if let Some(waiting) = waiting {
            // The proposer may have stopped waiting; the command stands all the same.
            let _ = waiting.send(outcome);
        }
        Ok(())
    }

    fn save(&self) -> Result<Box<RawValue>, String> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        serde_json::value::to_raw_value(&*state).map_err(|error| error.to_string())
    }

    fn load(&self, index: u64, json: Option<&RawValue>) -> Result<(), String> {
        let state = match json {
            Some(json) => serde_json::from_str(json.get()).map_err(|error| error.to_string())?,
            None => M::default(),
        };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.send_replace(index);
        Ok(())
    }

    fn abandon(&self) {
        self.waiting().clear();
    }
}

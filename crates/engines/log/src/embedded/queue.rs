//! The one line in which all changes of all logs wait for the disk. Its order is the order of the calls.

use std::collections::VecDeque;
use std::sync::PoisonError;

use tokio::sync::oneshot;

use super::limits::{GROUP_BYTES, QUEUE_BYTES_MAX, QUEUE_CALLS_MAX};
use super::sync::{Condvar, Mutex, MutexGuard};
use super::wal;
use crate::{Appended, Batch, LogError, LogId, LogOptions, Offset};

/// Takes the result of a call. Nobody may be waiting any more.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LogError>>;

/// A change that waits.
#[derive(Debug)]
pub(super) enum Op {
    Create(LogId, LogOptions, Reply<()>),
    Append(LogId, Batch, Reply<Appended>),
    AppendAll(Vec<(LogId, Batch)>, Reply<Vec<Result<Appended, LogError>>>),
    Trim(LogId, Offset, Reply<()>),
    Seal(LogId, Reply<Offset>),
    Delete(LogId, Reply<()>),
}

impl Op {
    /// Most bytes it takes in a batch of the write-ahead log.
    pub(super) fn stored_bytes(&self) -> usize {
        match self {
            Self::Append(_, batch, _) => wal::append_bytes(batch),
            Self::AppendAll(batches, _) => batches.iter().map(|(_, batch)| wal::append_bytes(batch)).sum(),
            _ => wal::META_BYTES,
        }
    }

    /// Whether it can give space back, and may therefore use the space kept for that.
    pub(super) fn frees(&self) -> bool {
        matches!(self, Self::Trim(..) | Self::Delete(..) | Self::Seal(..))
    }

    pub(super) fn fail(self, error: LogError) {
        // A caller that stopped waiting misses nothing.
        match self {
            Self::Create(_, _, reply) | Self::Trim(_, _, reply) | Self::Delete(_, reply) => {
                let _ = reply.send(Err(error));
            }
            Self::Append(_, _, reply) => {
                let _ = reply.send(Err(error));
            }
            Self::AppendAll(_, reply) => {
                let _ = reply.send(Err(error));
            }
            Self::Seal(_, reply) => {
                let _ = reply.send(Err(error));
            }
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    ops: VecDeque<Op>,
    bytes: usize,
    /// Why nothing is taken any more.
    closed: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `op` at the end, or fails it.
    pub(super) fn push(&self, op: Op) {
        let mut inner = self.lock();
        if let Some(reason) = &inner.closed {
            let error = LogError::Closed(reason.clone());
            drop(inner);
            return op.fail(error);
        }
        let bytes = op.stored_bytes();
        let full = inner.ops.len() >= QUEUE_CALLS_MAX || inner.bytes + bytes > QUEUE_BYTES_MAX;
        // What gives space back is never refused for want of space: it is small.
        if full && !(op.frees() && inner.ops.len() < 2 * QUEUE_CALLS_MAX) {
            drop(inner);
            return op.fail(LogError::Overloaded(
                "too many records wait for the disk: retry later",
            ));
        }
        inner.bytes += bytes;
        inner.ops.push_back(op);
        let first = inner.ops.len() == 1;
        drop(inner);
        if first {
            self.filled.notify_one();
        }
    }

    /// Takes the next group into `group`, which is empty.
    #[cfg(any(test, feature = "contract"))]
    pub(super) fn take(&self, group: &mut Vec<Op>) {
        self.lock().take(group);
    }

    /// Waits for the next group. False when the queue is closed and empty.
    pub(super) fn wait(&self, group: &mut Vec<Op>) -> bool {
        let waited = self.filled.wait_while(self.lock(), |inner| {
            inner.ops.is_empty() && inner.closed.is_none()
        });
        let mut inner = waited.unwrap_or_else(PoisonError::into_inner);
        inner.take(group);
        !(group.is_empty() && inner.closed.is_some())
    }

    /// Takes nothing any more; what waits is still served. The first reason stays.
    pub(super) fn close(&self, reason: &str) {
        let mut inner = self.lock();
        inner.closed.get_or_insert_with(|| reason.to_owned());
        drop(inner);
        self.filled.notify_one();
    }

    /// Takes nothing any more and fails what waits.
    pub(super) fn poison(&self, reason: &str) {
        let mut inner = self.lock();
        inner.closed = Some(reason.to_owned());
        inner.bytes = 0;
        let ops = std::mem::take(&mut inner.ops);
        drop(inner);
        self.filled.notify_one();
        for op in ops {
            op.fail(LogError::Closed(reason.to_owned()));
        }
    }

    /// Calls and bytes that wait.
    pub(super) fn depth(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.ops.len(), inner.bytes)
    }
}

impl Inner {
    fn take(&mut self, group: &mut Vec<Op>) {
        let mut bytes = 0;
        while bytes < GROUP_BYTES {
            let Some(op) = self.ops.pop_front() else { break };
            bytes += op.stored_bytes();
            group.push(op);
        }
        self.bytes -= bytes.min(self.bytes);
    }
}

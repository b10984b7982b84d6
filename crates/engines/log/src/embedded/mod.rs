//! All logs of one process in one directory.
//!
//! Appends of all logs go to one shared write-ahead log, a whole group in one write; they are acknowledged when
//! the device has them. Until the background moves them to files sorted by log and offset they are also in
//! memory, so that readers at the tail never touch the disk. A log costs some memory and nothing else: no file,
//! no thread, no task. The bytes are drawn in `docs/design/log-format.md`.
//!
//! `recovery` and `scan` say what a crash may leave, `seal` why nothing is lost on the way to the files.

mod background;
mod codec;
mod commit;
mod compact;
mod core;
#[cfg(any(test, feature = "contract"))]
mod fuzz;
mod heads;
mod limits;
mod manifest;
mod metrics;
mod options;
mod queue;
mod recovery;
mod ring;
mod scan;
mod seal;
mod sealed;
mod snapshot;
mod state;
#[cfg(any(test, feature = "contract"))]
mod steps;
mod sync;
mod threads;
pub mod verify;
mod wal;

use std::sync::Arc;

use millrace_base::Timestamp;
use tokio::sync::oneshot;

use self::core::Core;
use self::queue::Op;
use self::threads::Threads;
use crate::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX};
use crate::{
    Append, Appends, Batch, Chunk, Log, LogError, LogId, LogOptions, Offset, Pending, ReadLimits, Stats,
    Tail, Watch, batch, log,
};

#[cfg(any(test, feature = "contract"))]
#[doc(hidden)]
pub use fuzz::fuzz_recovery;
pub use metrics::{COMMIT_BUCKETS_MICROS, Metrics};
pub use options::{Durability, OnFatal, OpenError, Options};
pub use snapshot::{Snapshot, SnapshotError};
#[cfg(any(test, feature = "contract"))]
#[doc(hidden)]
pub use steps::{Calls, Steps};

/// The embedded engine. See the module.
#[derive(Debug)]
pub struct EmbeddedLog {
    core: Arc<Core>,
    threads: Arc<Threads>,
    /// Whether reads of files happen inside the call: where somebody else decides what runs when.
    reads_inline: bool,
}

impl EmbeddedLog {
    /// Opens the store, making it if there is none, and recovers what the last run left.
    ///
    /// # Errors
    /// [`OpenError`], each of which says what to do. After an error nothing has changed.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let opened = blocking(move || {
            let core = Arc::new(recovery::open(&options)?);
            let threads =
                Threads::start(&core, options.seal_bytes, options.seal_pace_bytes).map_err(|source| {
                    OpenError::Io {
                        doing: "start the threads of",
                        file: options.disk.describe(),
                        source,
                    }
                })?;
            Ok(Self {
                core,
                threads: Arc::new(threads),
                reads_inline: false,
            })
        });
        opened.await.unwrap_or_else(|| {
            let source = std::io::Error::other("the runtime is shutting down");
            Err(OpenError::Io {
                doing: "open",
                file: String::new(),
                source,
            })
        })
    }

    /// Commits what is queued, makes it durable and lets the directory go. Later changes fail with `Closed`.
    pub async fn close(&self) {
        self.threads.stop(&self.core);
        let (threads, core) = (Arc::clone(&self.threads), Arc::clone(&self.core));
        blocking(move || {
            threads.join();
            core.sync();
            core.unlock();
        })
        .await;
    }

    /// Counts for operators.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.core.metrics()
    }

    fn submit<T: Send + 'static>(&self, op: impl FnOnce(queue::Reply<T>) -> Op) -> Pending<T> {
        let (reply, answer) = oneshot::channel();
        // Here and not when the future is first polled: the order is that of the calls.
        self.core.shared.queue.push(op(reply));
        Box::pin(async move {
            answer
                .await
                .unwrap_or_else(|_| Err(LogError::Closed("it ended with the call on its way".to_owned())))
        })
    }

    fn on_disk<T: Send + 'static>(
        &self,
        read: impl FnOnce(&core::Shared) -> Result<T, LogError> + Send + 'static,
    ) -> Pending<T> {
        let shared = Arc::clone(&self.core.shared);
        if self.reads_inline {
            return Box::pin(async move { read(&shared) });
        }
        Box::pin(async move {
            let read = blocking(move || read(&shared)).await;
            read.unwrap_or_else(|| Err(LogError::Closed("the runtime is shutting down".to_owned())))
        })
    }
}

/// Runs `work` where it may block; `None` when the runtime ends before.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        // What is queued is still committed; the threads let the directory go when they are done.
        self.threads.stop(&self.core);
    }
}

impl Log for EmbeddedLog {
    fn create(&self, id: LogId, options: LogOptions) -> Pending<()> {
        self.submit(|reply| Op::Create(id, options, reply))
    }

    fn append(&self, id: LogId, batch: Batch) -> Append {
        match batch::check(&batch) {
            Ok(()) => self.submit(|reply| Op::Append(id, batch, reply)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn append_all(&self, batches: Vec<(LogId, Batch)>) -> Appends {
        let (mut bytes, mut records) = (0, 0);
        for (_, batch) in &batches {
            (bytes, records) = (bytes + batch.bytes(), records + batch.len());
        }
        if bytes > BATCH_BYTES_MAX || records > BATCH_RECORDS_MAX {
            // More than one write takes.
            return log::one_by_one(self, batches);
        }
        let count = batches.len();
        let appended = self.submit(|reply| Op::AppendAll(batches, reply));
        Box::pin(async move {
            let failed = |error| (0..count).map(|_| Err(LogError::clone(&error))).collect();
            appended.await.unwrap_or_else(failed)
        })
    }

    fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Pending<Chunk> {
        match self.core.shared.read_memory(id, from, limits) {
            Ok(None) => self.on_disk(move |shared| shared.read(id, from, limits)),
            Ok(Some(chunk)) => Box::pin(std::future::ready(Ok(chunk))),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn tail(&self, id: LogId) -> Result<Tail, LogError> {
        Ok(self.core.shared.cell(id)?.lock().tail)
    }

    fn watch(&self, id: LogId) -> Result<Watch, LogError> {
        let cell = self.core.shared.cell(id)?;
        let mut state = cell.lock();
        if state.deleted {
            Err(LogError::NotFound(id))
        } else {
            Ok(state.watch())
        }
    }

    fn offset_at(&self, id: LogId, time: Timestamp) -> Pending<Offset> {
        self.on_disk(move |shared| shared.offset_at(id, time))
    }

    fn trim(&self, id: LogId, before: Offset) -> Pending<()> {
        self.submit(|reply| Op::Trim(id, before, reply))
    }

    fn seal(&self, id: LogId) -> Pending<Offset> {
        self.submit(|reply| Op::Seal(id, reply))
    }

    fn delete(&self, id: LogId) -> Pending<()> {
        self.submit(|reply| Op::Delete(id, reply))
    }

    fn stats(&self, id: LogId) -> Result<Stats, LogError> {
        let cell = self.core.shared.cell(id)?;
        let state = cell.lock();
        Ok(Stats {
            records: state.tail.end - state.tail.start,
            bytes: state.bytes(),
        })
    }
}

#[cfg(test)]
mod format_tests;
#[cfg(all(test, shuttle))]
mod model_tests;
#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod sim_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod time_tests;

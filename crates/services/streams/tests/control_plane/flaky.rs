//! An engine whose calls fail now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use millrace_base::Timestamp;
use millrace_log::{
    Append, Batch, Chunk, Log, LogError, LogId, LogOptions, Offset, Pending, ReadLimits, Stats, Tail, Watch,
};

/// Two of three calls that create, seal or delete are refused; the control log is spared.
#[derive(Debug)]
pub(crate) struct FlakyLog {
    inner: Arc<dyn Log>,
    calls: AtomicU32,
}

impl FlakyLog {
    pub(crate) fn new(inner: Arc<dyn Log>) -> Self {
        Self {
            inner,
            calls: AtomicU32::new(0),
        }
    }

    fn fails<T: Send + 'static>(&self, id: LogId) -> Option<Pending<T>> {
        let refused = id.0 != 0 && self.calls.fetch_add(1, Ordering::Relaxed) % 3 < 2;
        refused.then(|| Box::pin(async { Err(LogError::Overloaded("the test says so")) }) as Pending<T>)
    }
}

impl Log for FlakyLog {
    fn create(&self, id: LogId, options: LogOptions) -> Pending<()> {
        self.fails(id).unwrap_or_else(|| self.inner.create(id, options))
    }

    fn append(&self, id: LogId, batch: Batch) -> Append {
        self.inner.append(id, batch)
    }

    fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Pending<Chunk> {
        self.inner.read(id, from, limits)
    }

    fn tail(&self, id: LogId) -> Result<Tail, LogError> {
        self.inner.tail(id)
    }

    fn watch(&self, id: LogId) -> Result<Watch, LogError> {
        self.inner.watch(id)
    }

    fn offset_at(&self, id: LogId, time: Timestamp) -> Pending<Offset> {
        self.inner.offset_at(id, time)
    }

    fn trim(&self, id: LogId, before: Offset) -> Pending<()> {
        self.inner.trim(id, before)
    }

    fn seal(&self, id: LogId) -> Pending<Offset> {
        self.fails(id).unwrap_or_else(|| self.inner.seal(id))
    }

    fn delete(&self, id: LogId) -> Pending<()> {
        self.fails(id).unwrap_or_else(|| self.inner.delete(id))
    }

    fn stats(&self, id: LogId) -> Result<Stats, LogError> {
        self.inner.stats(id)
    }
}

//! A log that takes nothing new, because its disk is full, is opened all the same.

use millrace_log::{
    Append, Batch, Chunk, LogError, LogOptions, Offset, Pending, ReadLimits, Stats, Tail, Watch,
};

use super::*;

/// Refuses to make logs, before it looks whether they are there.
#[derive(Debug)]
struct Full(Arc<dyn Log>);

impl Log for Full {
    fn create(&self, _: LogId, _: LogOptions) -> Pending<()> {
        Box::pin(async { Err(LogError::Overloaded("the disk is full")) })
    }

    fn append(&self, id: LogId, batch: Batch) -> Append {
        self.0.append(id, batch)
    }

    fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Pending<Chunk> {
        self.0.read(id, from, limits)
    }

    fn tail(&self, id: LogId) -> Result<Tail, LogError> {
        self.0.tail(id)
    }

    fn watch(&self, id: LogId) -> Result<Watch, LogError> {
        self.0.watch(id)
    }

    fn offset_at(&self, id: LogId, time: millrace_base::Timestamp) -> Pending<Offset> {
        self.0.offset_at(id, time)
    }

    fn trim(&self, id: LogId, before: Offset) -> Pending<()> {
        self.0.trim(id, before)
    }

    fn seal(&self, id: LogId) -> Pending<Offset> {
        self.0.seal(id)
    }

    fn delete(&self, id: LogId) -> Pending<()> {
        self.0.delete(id)
    }

    fn stats(&self, id: LogId) -> Result<Stats, LogError> {
        self.0.stats(id)
    }
}

#[tokio::test]
async fn a_control_plane_opens_on_a_full_disk() {
    let (log, blobs) = (memory_log(), Blobs::memory());
    let node = Node::open(&log, &blobs, rare_snapshots()).await.unwrap();
    node.first.propose(deposit("a", 7, 0)).await.unwrap();
    node.stop().await;
    let full: Arc<dyn Log> = Arc::new(Full(log));
    let node = Node::open(&full, &blobs, rare_snapshots()).await.unwrap();
    assert_eq!(node.first.read(|bank| bank.accounts["a"]), 7);
}

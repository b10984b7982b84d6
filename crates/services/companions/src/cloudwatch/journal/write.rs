//! The one writer of this node: whatever waits while an append is on its way goes into the next.

use std::sync::Arc;

use millrace_log::{Batch, LogError, Offset};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{LOG, Parts};
use crate::cloudwatch::error::CloudwatchError;
use crate::cloudwatch::limits::{
    APPEND_BYTES_MAX, APPEND_RECORDS_MAX, RECORD_BYTES_MAX, WRITES_BYTES_MAX, WRITES_MAX,
};

/// A record that waits, and who waits for it.
#[derive(Debug)]
pub(super) struct Write {
    record: Vec<u8>,
    done: oneshot::Sender<Result<Offset, LogError>>,
    _memory: OwnedSemaphorePermit,
}

/// Takes records for the writer.
#[derive(Debug)]
pub(super) struct Writes {
    queue: mpsc::Sender<Write>,
    memory: Arc<Semaphore>,
}

impl Writes {
    /// An empty queue.
    pub(super) fn new() -> (Self, mpsc::Receiver<Write>) {
        let (queue, receiver) = mpsc::channel(WRITES_MAX);
        let memory = Arc::new(Semaphore::new(WRITES_BYTES_MAX));
        (Self { queue, memory }, receiver)
    }

    /// Hands a record to the writer; yields where it stands when it is durable. Waits while the queue is full.
    pub(super) async fn write(&self, record: Vec<u8>) -> Result<Offset, CloudwatchError> {
        let bytes = record.len();
        let wanted = u32::try_from(bytes).ok().filter(|_| bytes <= RECORD_BYTES_MAX);
        let wanted = wanted.ok_or(CloudwatchError::TooLarge(bytes))?;
        let memory = Arc::clone(&self.memory).acquire_many_owned(wanted).await;
        let (done, written) = oneshot::channel();
        let write = Write {
            record,
            done,
            _memory: memory.map_err(|_| CloudwatchError::Stopped)?,
        };
        self.queue
            .send(write)
            .await
            .map_err(|_| CloudwatchError::Stopped)?;
        let offset = written.await.map_err(|_| CloudwatchError::Stopped)?;
        Ok(offset?)
    }
}

/// Appends until it is ended; what waits then is still written.
pub(super) async fn run(parts: Parts, mut queue: mpsc::Receiver<Write>, ended: Arc<Notify>) {
    loop {
        let first = tokio::select! {
            biased;
            first = queue.recv() => first,
            () = ended.notified() => {
                queue.close();
                queue.recv().await
            }
        };
        let Some(first) = first else { return };
        let mut bytes = first.record.len();
        let mut writes = vec![first];
        while writes.len() < APPEND_RECORDS_MAX
            && bytes < APPEND_BYTES_MAX
            && let Ok(next) = queue.try_recv()
        {
            bytes += next.record.len();
            writes.push(next);
        }
        append(&parts, writes).await;
    }
}

async fn append(parts: &Parts, writes: Vec<Write>) {
    let records: Vec<&[u8]> = writes.iter().map(|write| &*write.record).collect();
    let batch = Batch::of(&records);
    let bytes = batch.bytes();
    let appended = parts.log.append(LOG, batch).await;
    match &appended {
        Ok(_) => {
            parts.metrics.appends.add(1);
            parts.metrics.appended_bytes.add(bytes as u64);
        }
        Err(error) => tracing::warn!(%error, records = writes.len(), "metrics could not be written"),
    }
    for (write, at) in writes.into_iter().zip(0..) {
        let offset = appended.clone().map(|appended| appended.first + at);
        // Whoever waited may be gone.
        let _ = write.done.send(offset);
    }
}

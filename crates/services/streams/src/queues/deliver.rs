//! Records that were handed out are read from their shards, as every reader reads them. What the stream has no more is
//! dropped from the queue; what does not fit into the answer is given back.

use bytes::Bytes;
use millrace_api::kinesis::QueueRecord;
use millrace_log::{Offset, ReadLimits};

use super::machine::{Action, Handed, Kind, Receipt};
use super::open::Open;
use super::receipt::{self, Handle};
use crate::error::StreamsError;
use crate::limits::QUEUE_RECEIVE_BYTES_MAX;
use crate::routing::StreamView;
use crate::service::Streams;
use crate::shapes;
use crate::shard::read::Read;
use crate::state::{Queue, Shard, ShardIndex};

/// What became of the records that were handed out.
#[derive(Debug, Default)]
struct Sorted {
    read: Vec<(Handed, Read)>,
    /// Bytes of data in them.
    bytes: usize,
    /// Those that do not fit into the answer.
    unread: Vec<Receipt>,
    /// Those that the stream has no more.
    gone: Vec<(ShardIndex, Offset)>,
    gone_shards: Vec<ShardIndex>,
    /// Those whose shard cannot be read stay in flight and are tried again when their time is up.
    failed: Option<StreamsError>,
}

/// Reads records and makes the receipt handles.
pub(super) async fn deliver(
    streams: &Streams,
    open: &Open,
    kind: Kind,
    mut handed: Vec<Handed>,
) -> Result<Vec<QueueRecord>, StreamsError> {
    let queue = streams.delivering(&open.key)?;
    let view = streams.view(&queue.stream)?;
    handed.sort_unstable_by_key(|handed| (handed.receipt.shard, handed.receipt.offset));
    let mut sorted = Sorted::default();
    for run in handed.chunk_by(|a, b| follows(&a.receipt, &b.receipt)) {
        sorted.read_run(streams, &view, run).await;
    }
    sorted.tidy(streams, open, &queue, &view).await?;
    if let Some(error) = sorted.failed {
        if sorted.read.is_empty() {
            return Err(error);
        }
        tracing::warn!(%error, queue = %open.key, "some records of a queue could not be read");
    }
    let key = &streams.0.queues.receipts.0;
    let records = sorted.read.into_iter().map(|(handed, read)| {
        let handle = Handle {
            queue: queue.log,
            kind,
            receipt: handed.receipt,
        };
        record(receipt::write(key, &handle), &handed, &read)
    });
    Ok(records.collect())
}

fn follows(a: &Receipt, b: &Receipt) -> bool {
    a.shard == b.shard && a.offset.checked_add(1) == Some(b.offset)
}

fn record(receipt_handle: String, handed: &Handed, read: &Read) -> QueueRecord {
    let key = read.record.key();
    QueueRecord {
        receipt_handle,
        // Digits only, and nothing else in the stream has this number.
        record_id: read.number.to_string(),
        partition_key: key.map(|key| String::from_utf8_lossy(key).into_owned()),
        data: Bytes::copy_from_slice(read.record.data()),
        approximate_arrival_timestamp: shapes::time(read.time),
        first_receive_timestamp: shapes::time(handed.first),
        receive_count: shapes::count(handed.receives),
    }
}

impl Sorted {
    /// Reads records that stand one behind the other in a shard.
    async fn read_run(&mut self, streams: &Streams, view: &StreamView, run: &[Handed]) {
        let Some(first) = run.first() else { return };
        let Some(shard) = view.shard(first.receipt.shard) else {
            self.gone_shards.push(first.receipt.shard);
            return;
        };
        let mut rest = run;
        while let Some(first) = rest.first() {
            let left = QUEUE_RECEIVE_BYTES_MAX.saturating_sub(self.bytes);
            if left == 0 {
                break;
            }
            let limits = ReadLimits {
                bytes: left,
                records: rest.len(),
            };
            let page = match streams
                .read_shard(view, shard, first.receipt.offset, limits)
                .await
            {
                Ok(page) => page,
                Err(StreamsError::ShardMissing(..)) => {
                    self.gone_shards.push(shard.index);
                    return;
                }
                Err(error) => {
                    self.failed = Some(error);
                    return;
                }
            };
            let seen = rest
                .iter()
                .take_while(|handed| handed.receipt.offset < page.next)
                .count();
            let (now, later) = rest.split_at(seen);
            if seen == 0 || !self.take(now, page.records) {
                break;
            }
            rest = later;
        }
        let taken = self.read.last().map(|(handed, _)| handed.receipt);
        let taken = taken
            .filter(|taken| taken.shard == shard.index)
            .map(|taken| taken.offset);
        let unread = rest.iter().map(|handed| handed.receipt);
        self.unread
            .extend(unread.filter(|receipt| taken.is_none_or(|taken| receipt.offset > taken)));
    }

    /// Sorts records that were looked at. Says whether all that are there still fit.
    fn take(&mut self, handed: &[Handed], reads: Vec<Read>) -> bool {
        let mut reads = reads.into_iter().peekable();
        for handed in handed {
            let offset = handed.receipt.offset;
            while reads.next_if(|read| read.number.at() < offset).is_some() {}
            match reads.next_if(|read| read.number.at() == offset) {
                Some(read) => {
                    let bytes = read.record.data().len();
                    let full = self.bytes.saturating_add(bytes) > QUEUE_RECEIVE_BYTES_MAX;
                    if full && !self.read.is_empty() {
                        return false;
                    }
                    self.bytes += bytes;
                    self.read.push((*handed, read));
                }
                None => self.gone.push((handed.receipt.shard, offset)),
            }
        }
        true
    }

    /// Gives back what did not fit, and drops what is gone.
    async fn tidy(
        &mut self,
        streams: &Streams,
        open: &Open,
        queue: &Queue,
        view: &StreamView,
    ) -> Result<(), StreamsError> {
        if !self.unread.is_empty() {
            let receipts = std::mem::take(&mut self.unread);
            open.propose(queue, Action::Release { receipts }).await?;
        }
        if self.gone.is_empty() && self.gone_shards.is_empty() {
            return Ok(());
        }
        let mut before: Vec<(ShardIndex, Offset)> = Vec::new();
        for (index, _) in &self.gone {
            let known = before.last().is_some_and(|(last, _)| last == index);
            if let Some(shard) = view.shard(*index).filter(|_| !known) {
                before.extend(
                    horizon(streams, view, shard)
                        .await?
                        .map(|offset| (*index, offset)),
                );
            }
        }
        let action = Action::Drop {
            shards: std::mem::take(&mut self.gone_shards),
            before,
            records: std::mem::take(&mut self.gone),
        };
        open.propose(queue, action).await?;
        Ok(())
    }
}

/// The oldest record of a shard within retention; `None` when the shard's log is gone.
pub(super) async fn horizon(
    streams: &Streams,
    view: &StreamView,
    shard: &Shard,
) -> Result<Option<Offset>, StreamsError> {
    let oldest = view.horizon(streams.0.clock.now());
    match streams.0.log.offset_at(shard.log_id(), oldest).await {
        Ok(offset) => Ok(Some(offset)),
        Err(millrace_log::LogError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

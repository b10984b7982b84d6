//! Reads records of a shard from an offset on, as every kind of reader needs them.

use std::time::Duration;

use millrace_base::Timestamp;
use millrace_log::{Chunk, Entry, LogError, Offset, ReadLimits};

use crate::error::{RecordsDamaged, StreamsError};
use crate::record::{self, Record};
use crate::routing::StreamView;
use crate::sequence::SequenceNumber;
use crate::service::Streams;
use crate::state::{Shard, ShardIndex, StreamKey};

/// A record with what its log says of it.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) number: SequenceNumber,
    pub(crate) time: Timestamp,
    pub(crate) record: Record,
}

/// What one look at a shard yields.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<Read>,
    /// Where to go on.
    pub(crate) next: Offset,
    /// How far behind the newest record the reader is now.
    pub(crate) behind: Duration,
    /// Records that are left.
    pub(crate) records_behind: u64,
    /// The shard is closed, everything was read, and these are its children. Never empty.
    pub(crate) ended: Option<Vec<Shard>>,
    /// Bytes of data in `records`.
    pub(crate) bytes: usize,
}

impl Streams {
    /// Reads from `from` on, at least one record if there is one. Records older than retention are passed over.
    pub(crate) async fn read_shard(
        &self,
        view: &StreamView,
        shard: &Shard,
        from: Offset,
        limits: ReadLimits,
    ) -> Result<Page, StreamsError> {
        let now = self.0.clock.now();
        let oldest = view.horizon(now);
        let gone = |error| gone(&view.key, shard, error);
        let mut from = from;
        let mut chunk = self.chunk(shard, from, limits).await.map_err(gone)?;
        if chunk.entries.first().is_some_and(|entry| entry.time < oldest) {
            let kept = self.0.log.offset_at(shard.log_id(), oldest).await.map_err(gone)?;
            from = from.max(kept);
            chunk = self.chunk(shard, from, limits).await.map_err(gone)?;
        }
        let start = from.clamp(chunk.tail.start, chunk.tail.end);
        let last = chunk.entries.last().map(|entry| (entry.offset + 1, entry.time));
        let (records, cut) = self.records(view, shard, chunk.entries).await?;
        let last = match cut {
            // What cannot be opened now is read again.
            Some(cut) => records.last().map(|read| (cut, read.time)),
            None => last,
        };
        let next = last.map_or(start, |(next, _)| next);
        let at_tail = next >= chunk.tail.end;
        let behind = match last {
            _ if at_tail => Duration::ZERO,
            // Zero means that there is nothing more, also while the clock is behind what was appended.
            Some((_, time)) => now.since(time).max(Duration::from_millis(1)),
            None => now.since(oldest),
        };
        let ended = if at_tail && chunk.tail.sealed {
            self.children(view, shard.index)
        } else {
            None
        };
        let bytes = records.iter().map(|read| read.record.data().len()).sum();
        Ok(Page {
            records,
            next,
            behind,
            records_behind: chunk.tail.end.saturating_sub(next),
            ended,
            bytes,
        })
    }

    /// The records of these entries, up to the first that needs a key that is not to be had; its offset comes along.
    async fn records(
        &self,
        view: &StreamView,
        shard: &Shard,
        entries: Vec<Entry>,
    ) -> Result<(Vec<Read>, Option<Offset>), StreamsError> {
        let mut records = Vec::with_capacity(entries.len());
        let mut entries = entries.into_iter();
        // Most streams have no sealed records: nothing is looked at twice for them.
        for entry in &mut entries {
            if record::is_sealed(&entry.bytes) {
                let sealed = std::iter::once(entry).chain(entries).collect();
                let cut = self.open_sealed(view, shard, sealed, &mut records).await?;
                return Ok((records, cut));
            }
            records.extend(read(shard, entry));
        }
        Ok((records, None))
    }

    async fn chunk(&self, shard: &Shard, from: Offset, limits: ReadLimits) -> Result<Chunk, LogError> {
        let log = &self.0.log;
        let mut from = from;
        // The start may move again while the second read is on its way; retention does not move it a third time.
        for _ in 0..3 {
            match log.read(shard.log_id(), from, limits).await {
                Err(LogError::Trimmed { start, .. }) => from = start,
                other => return other,
            }
        }
        let end = log.tail(shard.log_id())?.end;
        log.read(shard.log_id(), end, limits).await
    }

    /// The children of a closed shard, once the control plane shows them: between the seal and that moment a reader
    /// waits, since the client libraries take an end without children for an error.
    fn children(&self, view: &StreamView, parent: ShardIndex) -> Option<Vec<Shard>> {
        let newest = self.view(&view.key).ok()?;
        let children: Vec<Shard> = newest.children(parent).copied().collect();
        (!children.is_empty()).then_some(children)
    }
}

/// What a reader is told of a failing log: the log of a stream that is being deleted is gone before the stream is.
pub(crate) fn gone(key: &StreamKey, shard: &Shard, error: LogError) -> StreamsError {
    match error {
        LogError::NotFound(_) => StreamsError::ShardMissing(key.clone(), shard.index.to_string()),
        LogError::Damaged { range, detail, .. } => StreamsError::RecordsDamaged(Box::new(RecordsDamaged {
            key: key.clone(),
            shard: shard.index.to_string(),
            numbers: range.map(|range| {
                // Only the index of a number counts where it says from where to read on.
                let number = |offset| SequenceNumber::of(shard, offset, shard.created).to_string();
                (number(range.start), number(range.end.saturating_sub(1)))
            }),
            detail,
        })),
        other => StreamsError::Log(other),
    }
}

/// A record as it was stored, unless it is sealed or damaged.
pub(crate) fn read(shard: &Shard, entry: Entry) -> Option<Read> {
    let record = record::read(entry.bytes);
    if record.is_none() {
        tracing::error!(shard = %shard.index, offset = entry.offset, "a stored record has an unknown form");
    }
    Some(Read {
        number: SequenceNumber::of(shard, entry.offset, entry.time),
        time: entry.time,
        record: record?,
    })
}

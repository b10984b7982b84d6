//! The trait every engine implements, and the words it is made of.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use millrace_base::Timestamp;
use smallvec::SmallVec;
use tokio::sync::watch;

use crate::disk::DIRECT_ALIGN;
use crate::limits::IN_PLACE_BYTES_MIN;

/// Names one log. Chosen by the caller, never used twice, not even after a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u64);

/// Position of a record in its log: dense, starting at 0.
pub type Offset = u64;

/// A result that arrives later.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send>>;

/// The result of an append that is already queued.
pub type Append = Pending<Appended>;

/// The results of appends that are already queued, in their order.
pub type Appends = Pin<Box<dyn Future<Output = Vec<Result<Appended, LogError>>> + Send>>;

/// Ordered, durable, append-only logs.
///
/// **Order.** Records of one log have dense offsets in the order in which `append` was *called* (the call queues;
/// awaiting only waits), and append times that never go back; in a log that is made later they are not earlier either,
/// whatever the clock does. Different logs are not ordered against each other.
///
/// **Durability.** When an append's future yields `Ok`, the whole batch survives any crash. A batch is atomic:
/// after a crash all of it is there or none of it. One whose future was dropped or yielded an error may or may
/// not be there. Nothing becomes readable before it is durable.
///
/// **Reading.** A record that was acknowledged can be read at once by anyone (`read` after `append`), as long as
/// it is not trimmed. `watch` wakes when the durable tail has moved or the log was sealed or deleted.
///
/// **Seal.** When `seal` yields, the tail is final: an append that was queued before the call is before it, and
/// every later one fails with [`LogError::Sealed`]. Sealing twice is no error and yields the same tail.
///
/// **Trim.** Records before the trim point are never read again; their space comes back later. Trimming backwards
/// or twice changes nothing; trimming beyond the tail is [`LogError::BeyondTail`].
///
/// **Delete.** After `delete` the log is [`LogError::NotFound`] for every call, also after a restart. Creating a
/// log that exists is [`LogError::Exists`].
pub trait Log: Send + Sync + fmt::Debug {
    /// Makes an empty log.
    fn create(&self, id: LogId, options: LogOptions) -> Pending<()>;

    /// Queues `batch` (at least one record) behind everything queued before; yields when it is durable.
    fn append(&self, id: LogId, batch: Batch) -> Append;

    /// Does what as many calls of `append` would do, one behind the other, and costs less. Each succeeds or fails alone.
    fn append_all(&self, batches: Vec<(LogId, Batch)>) -> Appends {
        one_by_one(self, batches)
    }

    /// Reads records from `from` on: at least one if there is one, and no more than `limits`. From the tail it
    /// yields an empty chunk at once. `from` before the start is [`LogError::Trimmed`], behind the tail
    /// [`LogError::BeyondTail`].
    fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Pending<Chunk>;

    /// Where the log starts and ends.
    ///
    /// # Errors
    /// [`LogError::NotFound`].
    fn tail(&self, id: LogId) -> Result<Tail, LogError>;

    /// The tail as it moves.
    ///
    /// # Errors
    /// [`LogError::NotFound`].
    fn watch(&self, id: LogId) -> Result<Watch, LogError>;

    /// The first offset whose append time is `time` or later; the tail when there is none. Never before the start.
    fn offset_at(&self, id: LogId, time: Timestamp) -> Pending<Offset>;

    /// Forgets every record before `before`.
    fn trim(&self, id: LogId, before: Offset) -> Pending<()>;

    /// Ends the log; yields its final tail.
    fn seal(&self, id: LogId) -> Pending<Offset>;

    /// Removes the log and all its records.
    fn delete(&self, id: LogId) -> Pending<()>;

    /// Counts for operators.
    ///
    /// # Errors
    /// [`LogError::NotFound`].
    fn stats(&self, id: LogId) -> Result<Stats, LogError>;
}

/// [`Log::append_all`] as so many calls.
pub(crate) fn one_by_one<L: Log + ?Sized>(log: &L, batches: Vec<(LogId, Batch)>) -> Appends {
    let appends: Vec<Append> = batches
        .into_iter()
        .map(|(id, batch)| log.append(id, batch))
        .collect();
    Box::pin(async move {
        let mut results = Vec::with_capacity(appends.len());
        for append in appends {
            results.push(append.await);
        }
        results
    })
}

/// How a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// How long records are expected to live. A hint for placing them together with others that die at the same
    /// time; only `trim` removes records.
    pub retention: Duration,
}

/// Where records end; most batches of a store with many logs have few.
pub(crate) type Ends = SmallVec<[u32; 4]>;

/// Records to append, in one contiguous buffer. Every record is opaque bytes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The records' bytes, one behind the other.
    pub(crate) bytes: Bytes,
    /// Where each record ends in `bytes`, ascending; the last one equals its length.
    pub(crate) ends: Ends,
    /// CRC-32C of `bytes`, if they begin at a block's boundary in memory: they can be written from there without being
    /// touched, which costs as much as copying them once they left the processor's cache.
    pub(crate) in_place: Option<u32>,
}

/// Puts batches together, one behind the other in memory that they share: a large first one where the engine can write
/// it from, without another copy.
#[derive(Debug)]
pub struct BatchWriter {
    memory: Vec<u8>,
    /// Where the open batch begins.
    begin: usize,
    open: Ends,
    /// Begin, end and records of the batches that are done.
    done: Vec<(usize, usize, Ends)>,
}

impl BatchWriter {
    /// For `bytes` bytes of records in all. More may come, and cost a copy.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        let mut memory: Vec<u8> = Vec::new();
        let mut begin = 0;
        if bytes >= IN_PLACE_BYTES_MIN {
            memory.reserve_exact(bytes + DIRECT_ALIGN);
            begin = memory.as_ptr().align_offset(DIRECT_ALIGN).min(DIRECT_ALIGN);
            memory.resize(begin, 0);
        } else {
            memory.reserve_exact(bytes);
        }
        Self {
            memory,
            begin,
            open: Ends::new(),
            done: Vec::new(),
        }
    }

    /// Where the bytes of the next record are to be appended. What is there already must stay.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.memory
    }

    /// Ends a record: it has what was appended since the last one.
    pub fn end_record(&mut self) {
        let end = self.memory.len().saturating_sub(self.begin);
        self.open.push(u32::try_from(end).unwrap_or(u32::MAX));
    }

    /// Ends a batch: it has the records since the last one.
    pub fn end_batch(&mut self) {
        let (begin, end) = (self.begin, self.memory.len());
        self.done.push((begin, end, std::mem::take(&mut self.open)));
        self.begin = end;
    }

    /// The batches.
    pub fn finish(self) -> impl Iterator<Item = Batch> {
        let memory = Bytes::from(self.memory);
        self.done.into_iter().map(move |(begin, end, ends)| {
            let bytes = memory.slice(begin.min(end)..end);
            let in_place =
                bytes.len() >= IN_PLACE_BYTES_MIN && bytes.as_ptr().align_offset(DIRECT_ALIGN) == 0;
            Batch {
                in_place: in_place.then(|| crc32c::crc32c(&bytes)),
                bytes,
                ends,
            }
        })
    }
}

impl Batch {
    /// A batch of these records.
    #[must_use]
    pub fn of<R: AsRef<[u8]>>(records: &[R]) -> Self {
        let mut batch = BatchWriter::with_capacity(records.iter().map(|r| r.as_ref().len()).sum());
        for record in records {
            batch.bytes().extend_from_slice(record.as_ref());
            batch.end_record();
        }
        batch.end_batch();
        batch.finish().next().unwrap_or_default()
    }

    /// Its records.
    pub fn records(&self) -> impl Iterator<Item = Bytes> {
        let index = |end: &u32| usize::try_from(*end).unwrap_or(usize::MAX).min(self.bytes.len());
        let begins = [0].into_iter().chain(self.ends.iter().map(index));
        let records = begins.zip(self.ends.iter().map(index));
        records.map(|(begin, end)| self.bytes.slice(begin.min(end)..end))
    }

    /// Bytes of all records.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// What an append was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the batch's first record; the others follow densely.
    pub first: Offset,
    /// Append time of all records of the batch, as every later read shows it.
    pub time: Timestamp,
}

/// Bounds of one read. The first record is returned even if it alone is larger than `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Most bytes of records.
    pub bytes: usize,
    /// Most records.
    pub records: usize,
}

/// One record as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub offset: Offset,
    /// When it was appended.
    pub time: Timestamp,
    /// Its bytes, shared with the engine's cache where possible.
    pub bytes: Bytes,
}

/// What a read yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Records in order, densely from the asked offset on.
    pub entries: Vec<Entry>,
    /// Where the log stood when it was read.
    pub tail: Tail,
}

/// Where a log starts and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The oldest readable offset.
    pub start: Offset,
    /// One behind the last durable record.
    pub end: Offset,
    /// Append time of the newest durable record ever written; zero when there was none.
    pub last_time: Timestamp,
    /// No record can follow.
    pub sealed: bool,
}

/// Follows a log's tail. `changed()` errs when the log is deleted.
pub type Watch = watch::Receiver<Tail>;

/// Counts of one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Readable records.
    pub records: u64,
    /// Bytes of the readable records; an upper bound where a file is partly trimmed.
    pub bytes: u64,
}

/// Why a log call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// No such log.
    #[error("log {0:?} does not exist")]
    NotFound(LogId),
    /// The log is there already.
    #[error("log {0:?} exists already")]
    Exists(LogId),
    /// The log was sealed.
    #[error("log {0:?} is sealed")]
    Sealed(LogId),
    /// The offset lies before the log's start.
    #[error("offset {offset} is trimmed; the log starts at {start}")]
    Trimmed {
        /// What was asked for.
        offset: Offset,
        /// The oldest readable offset.
        start: Offset,
    },
    /// The offset lies behind the log's tail.
    #[error("offset {offset} is behind the tail {end}")]
    BeyondTail {
        /// What was asked for.
        offset: Offset,
        /// The tail.
        end: Offset,
    },
    /// The batch is empty or larger than the engine takes.
    #[error("the batch cannot be appended: {0}")]
    BadBatch(&'static str),
    /// A bound is reached; the same call may succeed later.
    #[error("the log engine is full: {0}")]
    Overloaded(&'static str),
    /// Stored bytes do not have their checksum. Only the damaged records are lost.
    #[error("stored records of log {id:?} are damaged: {detail}")]
    Damaged {
        /// Whose.
        id: LogId,
        /// Which records, where that can be told: those behind them can be read again.
        range: Option<Range<Offset>>,
        /// Where and how.
        detail: String,
    },
    /// The engine stopped or cannot reach its storage any more.
    #[error("the log engine is closed: {0}")]
    Closed(String),
}

//! What readers see of a log: its tail, the records that are not in files yet, and where the others are.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use millrace_base::Timestamp;
use tokio::sync::watch;

use super::codec::as_u64;
use super::sync::{Mutex, MutexGuard};
use crate::batch::Budget;
use crate::log::Ends;
use crate::{Entry, LogError, LogId, Offset, Tail, Watch};

/// A sealed file, as its extents refer to it.
#[derive(Debug)]
pub(super) struct SealedFile {
    pub(super) id: u64,
    pub(super) class: u8,
    pub(super) len: u64,
    /// Extents of logs that still want them; at zero the file goes.
    pub(super) live_extents: AtomicU32,
    /// Bytes of the blocks of those.
    pub(super) live_len: AtomicU64,
    /// Bytes of all its blocks.
    pub(super) data_len: u64,
}

/// Records of one log in one sealed file.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    pub(super) file: Arc<SealedFile>,
    pub(super) first: Offset,
    pub(super) end: Offset,
    pub(super) last_time: Timestamp,
    /// Bytes of its records.
    pub(super) bytes: u64,
    /// Bytes of its blocks.
    pub(super) len: u64,
}

impl Extent {
    pub(super) fn adopt(&self) {
        self.file.live_extents.fetch_add(1, Ordering::Relaxed);
        self.file.live_len.fetch_add(self.len, Ordering::Relaxed);
    }

    pub(super) fn abandon(&self) {
        self.file.live_extents.fetch_sub(1, Ordering::Relaxed);
        self.file.live_len.fetch_sub(self.len, Ordering::Relaxed);
    }
}

/// The records of one append, in memory.
#[derive(Clone, Debug)]
pub(super) struct Cached {
    pub(super) first: Offset,
    pub(super) time: Timestamp,
    pub(super) bytes: Bytes,
    pub(super) ends: Ends,
    /// As [`crate::Batch::in_place`].
    pub(super) in_place: Option<u32>,
}

impl Cached {
    pub(super) fn end(&self) -> Offset {
        self.first + as_u64(self.ends.len())
    }

    fn entry(&self, index: usize) -> Option<Entry> {
        let begin = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        let (begin, end) = (
            usize::try_from(begin).ok()?,
            usize::try_from(*self.ends.get(index)?).ok()?,
        );
        Some(Entry {
            offset: self.first + as_u64(index),
            time: self.time,
            bytes: self.bytes.slice(begin..end),
        })
    }

    /// Collects entries from `from` on while they fit.
    pub(super) fn collect(&self, from: Offset, budget: &mut Budget, into: &mut Vec<Entry>) {
        let skip = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        for index in skip..self.ends.len() {
            let Some(entry) = self.entry(index) else { return };
            if !budget.take(entry.bytes.len()) {
                return;
            }
            into.push(entry);
        }
    }
}

/// One log, for readers.
#[derive(Debug)]
pub(super) struct LogCell {
    pub(super) id: LogId,
    state: Mutex<LogState>,
}

impl LogCell {
    pub(super) fn new(id: LogId, tail: Tail, extents: VecDeque<Extent>) -> Self {
        let state = LogState {
            tail,
            cache: VecDeque::new(),
            cache_bytes: 0,
            extents,
            deleted: false,
            watch: None,
        };
        Self {
            id,
            state: Mutex::new(state),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a log's lock guards.
#[derive(Debug)]
pub(super) struct LogState {
    pub(super) tail: Tail,
    /// Exactly the readable records that are in no file, dense up to the tail's end.
    pub(super) cache: VecDeque<Cached>,
    cache_bytes: usize,
    /// Ascending and dense up to the cache.
    pub(super) extents: VecDeque<Extent>,
    pub(super) deleted: bool,
    /// Made when somebody first watches: most logs of a large store are not watched.
    watch: Option<watch::Sender<Tail>>,
}

/// Where the record at an offset is.
#[derive(Debug)]
pub(super) enum Place {
    Memory(Vec<Entry>),
    File(Extent),
    Nowhere,
}

impl LogState {
    pub(super) fn push(&mut self, cached: Cached) {
        self.tail.end = cached.end();
        self.tail.last_time = cached.time;
        self.cache_bytes += cached.bytes.len();
        self.cache.push_back(cached);
    }

    /// Forgets what lies before `before`; yields the bytes that left memory.
    pub(super) fn trim(&mut self, before: Offset) -> usize {
        self.tail.start = self.tail.start.max(before);
        while self.extents.front().is_some_and(|extent| extent.end <= before) {
            if let Some(extent) = self.extents.pop_front() {
                extent.abandon();
            }
        }
        self.drop_cached(before)
    }

    /// Drops cached batches that end by `before`; yields their bytes.
    fn drop_cached(&mut self, before: Offset) -> usize {
        let mut freed = 0;
        while self.cache.front().is_some_and(|cached| cached.end() <= before) {
            freed += self.cache.pop_front().map_or(0, |cached| cached.bytes.len());
        }
        if self.cache.is_empty() {
            // A queue keeps its largest size otherwise, in every log there is.
            self.cache = VecDeque::new();
        }
        self.cache_bytes -= freed;
        freed
    }

    pub(super) fn delete(&mut self) -> usize {
        self.deleted = true;
        self.watch = None;
        self.extents.drain(..).for_each(|extent| extent.abandon());
        self.cache.clear();
        std::mem::take(&mut self.cache_bytes)
    }

    /// The records up to `extent.end` are in a file now; yields the bytes that left memory.
    pub(super) fn sealed_into(&mut self, extent: Extent) -> usize {
        if self.deleted {
            return 0;
        }
        let end = extent.end;
        if end > self.tail.start {
            extent.adopt();
            self.extents.push_back(extent);
        }
        self.drop_cached(end)
    }

    /// Another file took over what `old` held, if the log still wants it.
    pub(super) fn moved(&mut self, new: &[Extent], old: &[u64]) {
        let had = self
            .extents
            .iter()
            .filter(|extent| old.contains(&extent.file.id))
            .count();
        if self.deleted || had == 0 {
            return;
        }
        let start = self.tail.start;
        self.extents.retain(|extent| {
            let stays = !old.contains(&extent.file.id);
            if !stays {
                extent.abandon();
            }
            stays
        });
        for extent in new.iter().filter(|extent| extent.end > start) {
            extent.adopt();
            let at = self.extents.partition_point(|other| other.first < extent.first);
            self.extents.insert(at, extent.clone());
        }
    }

    /// Wakes the watchers.
    pub(super) fn publish(&self) {
        if let Some(watch) = &self.watch {
            watch.send_replace(self.tail);
        }
    }

    pub(super) fn watch(&mut self) -> Watch {
        let tail = self.tail;
        self.watch
            .get_or_insert_with(|| watch::Sender::new(tail))
            .subscribe()
    }

    pub(super) fn check(&self, id: LogId, from: Offset) -> Result<(), LogError> {
        if self.deleted {
            return Err(LogError::NotFound(id));
        }
        if from < self.tail.start {
            return Err(LogError::Trimmed {
                offset: from,
                start: self.tail.start,
            });
        }
        if from > self.tail.end {
            return Err(LogError::BeyondTail {
                offset: from,
                end: self.tail.end,
            });
        }
        Ok(())
    }

    /// Finds the records from `from` on; those in memory at once.
    pub(super) fn find(&self, from: Offset, budget: &mut Budget) -> Place {
        if from == self.tail.end {
            return Place::Memory(Vec::new());
        }
        if self.cache.front().is_some_and(|cached| cached.first <= from) {
            let at = self.cache.partition_point(|cached| cached.end() <= from);
            let mut entries = Vec::new();
            for cached in self.cache.range(at..) {
                cached.collect(from, budget, &mut entries);
                if !budget.open() {
                    break;
                }
            }
            return Place::Memory(entries);
        }
        let at = self.extents.partition_point(|extent| extent.end <= from);
        match self.extents.get(at) {
            Some(extent) if extent.first <= from => Place::File(extent.clone()),
            _ => Place::Nowhere,
        }
    }

    /// Where the first record of `time` or later is: its extent, or its offset.
    pub(super) fn find_time(&self, time: Timestamp) -> Result<Offset, Extent> {
        let at = self.extents.partition_point(|extent| extent.last_time < time);
        if let Some(extent) = self.extents.get(at) {
            return Err(extent.clone());
        }
        let at = self.cache.partition_point(|cached| cached.time < time);
        Ok(self
            .cache
            .get(at)
            .map_or(self.tail.end, |cached| cached.first)
            .max(self.tail.start))
    }

    /// Bytes of the readable records; an upper bound where an extent or a batch is partly trimmed.
    pub(super) fn bytes(&self) -> u64 {
        as_u64(self.cache_bytes) + self.extents.iter().map(|extent| extent.bytes).sum::<u64>()
    }

    /// The first readable offset that is neither in a file nor in memory.
    pub(super) fn first_gap(&self) -> Option<Offset> {
        let mut end = self.tail.start;
        let files = self.extents.iter().map(|extent| (extent.first, extent.end));
        for (first, upto) in files.chain(self.cache.iter().map(|cached| (cached.first, cached.end()))) {
            if first > end {
                return Some(end);
            }
            end = end.max(upto);
        }
        (end < self.tail.end).then_some(end)
    }
}

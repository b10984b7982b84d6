//! The engine without its threads: whoever calls [`Core::commit`] and [`Core::background`] drives it.
//!
//! In production two threads do; in the simulator the test does, so that a seed decides everything.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

use millrace_base::{Clock, Timestamp};

use super::background::{Background, Cut};
use super::codec::{as_u64, as_usize};
use super::commit::Committer;
use super::heads::Effect;
use super::metrics::{Counters, Metrics};
use super::options::{Durability, OnFatal, Options};
use super::queue::{Op, Queue};
use super::ring::make_segment;
use super::sealed::{DamagedBlock, FooterCache, OpenFile, name_of};
use super::state::{Extent, LogCell, Place};
use super::sync::{AtomicBool, Mutex, MutexGuard, RwLock, yield_now};
use crate::batch::Budget;
use crate::disk::Disk;
use crate::{Chunk, LogError, LogId, Offset, ReadLimits};

/// What callers, the committer and the background share.
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) key: u64,
    pub(super) fsync: bool,
    pub(super) tail_cache_bytes: usize,
    urgent: Vec<LogId>,
    pub(super) queue: Queue,
    pub(super) logs: RwLock<HashMap<LogId, Arc<LogCell>>>,
    /// Bytes of records in memory that are in no file.
    pub(super) unsealed: AtomicUsize,
    /// Background work found no space.
    pub(super) disk_full: AtomicBool,
    /// The last appends were refused for want of space.
    pub(super) out_of_space: AtomicBool,
    pub(super) footers: FooterCache,
    pub(super) counters: Counters,
    fatal: OnceLock<String>,
    on_fatal: Option<OnFatal>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("disk", &self.disk)
            .field("fatal", &self.fatal)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(options: &Options, key: u64) -> Self {
        Self {
            disk: Arc::clone(&options.disk),
            clock: Arc::clone(&options.clock),
            key,
            fsync: options.durability == Durability::Fsync,
            tail_cache_bytes: options.tail_cache_bytes.as_usize(),
            urgent: options.urgent.clone(),
            queue: Queue::default(),
            logs: RwLock::default(),
            unsealed: AtomicUsize::new(0),
            disk_full: AtomicBool::new(false),
            out_of_space: AtomicBool::new(false),
            footers: FooterCache::new(options.footer_cache_bytes.as_usize()),
            counters: Counters::default(),
            fatal: OnceLock::new(),
            on_fatal: options.on_fatal.clone(),
        }
    }

    pub(super) fn cell(&self, id: LogId) -> Result<Arc<LogCell>, LogError> {
        let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
        logs.get(&id).cloned().ok_or(LogError::NotFound(id))
    }

    /// Whether it is to succeed on a full disk too: it gives space back, or belongs to a log that goes first.
    pub(super) fn is_urgent(&self, op: &Op) -> bool {
        match op {
            Op::Append(id, ..) => self.urgent.contains(id),
            Op::AppendAll(batches, _) => batches.iter().all(|(id, _)| self.urgent.contains(id)),
            _ => op.frees(),
        }
    }

    /// Shows readers what has become durable.
    pub(super) fn apply(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Nothing => {}
                Effect::Create(cell) => {
                    self.logs
                        .write()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(cell.id, cell);
                }
                Effect::Append(cell, cached) => {
                    self.unsealed.fetch_add(cached.bytes.len(), Ordering::Relaxed);
                    let mut state = cell.lock();
                    state.push(cached);
                    state.publish();
                }
                Effect::Trim(cell, before) => {
                    let mut state = cell.lock();
                    self.freed(state.trim(before));
                    state.publish();
                }
                Effect::Seal(cell) => {
                    let mut state = cell.lock();
                    state.tail.sealed = true;
                    state.publish();
                }
                Effect::Delete(cell) => {
                    self.logs
                        .write()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&cell.id);
                    self.freed(cell.lock().delete());
                }
            }
        }
    }

    /// Bytes of records left memory.
    pub(super) fn freed(&self, bytes: usize) {
        self.unsealed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The storage cannot be trusted any more: nothing is acknowledged from here on.
    pub(super) fn poison(&self, reason: &str) {
        self.queue.poison(reason);
        if self.fatal.set(reason.to_owned()).is_ok() {
            tracing::error!(
                reason,
                disk = self.disk.describe(),
                "log storage failed, nothing is acknowledged any more"
            );
            if let Some(on_fatal) = &self.on_fatal {
                on_fatal(reason);
            }
        }
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.fatal.get().is_some()
    }

    /// Reads what is in memory; yields `None` when a file has to be read.
    pub(super) fn read_memory(
        &self,
        id: LogId,
        from: Offset,
        limits: ReadLimits,
    ) -> Result<Option<Chunk>, LogError> {
        let cell = self.cell(id)?;
        let state = cell.lock();
        state.check(id, from)?;
        Ok(match state.find(from, &mut Budget::new(limits)) {
            Place::Memory(entries) => Some(Chunk {
                entries,
                tail: state.tail,
            }),
            Place::File(_) | Place::Nowhere => None,
        })
    }

    /// Reads from wherever the records are. Blocks on the disk.
    pub(super) fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Result<Chunk, LogError> {
        self.retry(id, || {
            let cell = self.cell(id)?;
            let mut budget = Budget::new(limits);
            let (place, tail) = {
                let state = cell.lock();
                state.check(id, from)?;
                (state.find(from, &mut budget), state.tail)
            };
            let extent = match place {
                Place::Memory(entries) => return Ok(Ok(Chunk { entries, tail })),
                Place::File(extent) => extent,
                Place::Nowhere => return Err(damaged(id, format!("no file holds offset {from}"))),
            };
            let read = self
                .file(&extent)
                .and_then(|file| file.records(id, extent.first, from, &mut budget))
                .map_err(|error| in_file(&extent, error));
            Ok(read.map(|entries| Chunk { entries, tail }))
        })
        .and_then(|chunk| {
            if chunk.entries.is_empty() && from < chunk.tail.end {
                return Err(damaged(id, format!("offset {from} is missing in its file")));
            }
            Ok(chunk)
        })
    }

    /// Finds the first offset of `time` or later. Blocks on the disk.
    pub(super) fn offset_at(&self, id: LogId, time: Timestamp) -> Result<Offset, LogError> {
        self.retry(id, || {
            let cell = self.cell(id)?;
            let (found, start) = {
                let state = cell.lock();
                (state.find_time(time), state.tail.start)
            };
            Ok(match found {
                Ok(offset) => Ok(offset),
                Err(extent) => self
                    .file(&extent)
                    .and_then(|file| file.offset_at(id, extent.first, time))
                    .map_err(|error| in_file(&extent, error))
                    .map(|offset| offset.unwrap_or(extent.end).max(start)),
            })
        })
    }

    fn file(&self, extent: &Extent) -> io::Result<Arc<OpenFile>> {
        self.footers.get(&*self.disk, self.key, extent.file.id)
    }

    /// A file may go while a reader is about to open it: its records are elsewhere then, or trimmed.
    fn retry<T>(
        &self,
        id: LogId,
        attempt: impl Fn() -> Result<io::Result<T>, LogError>,
    ) -> Result<T, LogError> {
        const ATTEMPTS: usize = 4;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match attempt()? {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let gone = error.kind() == io::ErrorKind::NotFound;
                    last = Some(error);
                    if !gone {
                        break;
                    }
                }
            }
        }
        self.counters.damaged_reads.fetch_add(1, Ordering::Relaxed);
        let range = last.as_ref().and_then(DamagedBlock::of).map(DamagedBlock::range);
        let detail = last.map_or_else(String::new, |error| error.to_string());
        Err(LogError::Damaged { id, range, detail })
    }
}

/// Says in which file: whoever has to replace it must know. A damaged block says it itself.
fn in_file(extent: &Extent, error: io::Error) -> io::Error {
    if DamagedBlock::of(&error).is_some() {
        return error;
    }
    io::Error::new(error.kind(), format!("{}: {error}", name_of(extent.file.id)))
}

fn damaged(id: LogId, detail: String) -> LogError {
    LogError::Damaged {
        id,
        range: None,
        detail,
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) shared: Arc<Shared>,
    committer: Mutex<Committer>,
    /// The background waits for the committer, which would otherwise take its lock again at once, for ever.
    cut_waits: AtomicBool,
    pub(super) background: Mutex<Background>,
    lock: Mutex<Option<DirectoryLock>>,
}

/// Keeps other processes away.
pub(super) struct DirectoryLock(
    #[expect(dead_code, reason = "held for its drop")] pub(super) Box<dyn Send + Sync>,
);

impl fmt::Debug for DirectoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DirectoryLock")
    }
}

impl Core {
    pub(super) fn new(
        shared: Arc<Shared>,
        committer: Committer,
        background: Background,
        lock: DirectoryLock,
    ) -> Self {
        Self {
            shared,
            committer: Mutex::new(committer),
            cut_waits: AtomicBool::new(false),
            background: Mutex::new(background),
            lock: Mutex::new(Some(lock)),
        }
    }

    /// Commits one group and answers its calls.
    pub(super) fn commit(&self, group: Vec<Op>) {
        while self.cut_waits.load(Ordering::Acquire) {
            yield_now();
        }
        let mut committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.is_poisoned() {
            group
                .into_iter()
                .for_each(|op| op.fail(LogError::Closed("its storage failed".to_owned())));
            return;
        }
        if let Err(reason) = committer.commit(group, &self.shared) {
            self.shared.poison(&reason);
        }
    }

    /// The committer, between two groups.
    pub(super) fn between_groups(&self) -> MutexGuard<'_, Committer> {
        self.cut_waits.store(true, Ordering::Release);
        let committer = self.committer.lock().unwrap_or_else(PoisonError::into_inner);
        self.cut_waits.store(false, Ordering::Release);
        committer
    }

    /// Does what is due besides commits: removes dead files, seals, merges files. `pace` is told
    /// of every piece written and may wait. Says whether something was done.
    pub(super) fn background(&self, pace: &mut dyn FnMut(usize)) -> bool {
        let mut background = self.background.lock().unwrap_or_else(PoisonError::into_inner);
        !self.shared.is_poisoned() && background.step(self, pace)
    }

    /// Makes a segment ready if one will soon be needed. Says whether it did.
    pub(super) fn prepare_segment(&self, pace: &mut dyn FnMut(usize)) -> bool {
        if self.shared.is_poisoned() {
            return false;
        }
        let unsealed = as_u64(self.shared.unsealed.load(Ordering::Relaxed));
        let wanted = {
            let ring = &mut self.between_groups().ring;
            // Where a large one would not leave room for sealing the committer makes a small one when it needs it.
            ring.wanted()
                .filter(|(_, bytes)| ring.leaves_room(2 * bytes, unsealed).unwrap_or(true))
        };
        let Some((number, bytes)) = wanted else {
            return false;
        };
        match make_segment(&*self.shared.disk, number, bytes, pace) {
            Ok(segment) => {
                self.between_groups().ring.add_free(segment);
                true
            }
            Err(error) => {
                self.shared
                    .counters
                    .background_failures
                    .fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, disk = self.shared.disk.describe(), "a write-ahead segment cannot be made");
                false
            }
        }
    }

    /// Tells the counters what recovery found.
    pub(super) fn recount(&self) {
        self.background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count(self);
    }

    /// Seals everything now, whatever its age.
    #[cfg(any(test, feature = "contract"))]
    pub(super) fn seal_now(&self, pace: &mut dyn FnMut(usize)) -> bool {
        let mut background = self.background.lock().unwrap_or_else(PoisonError::into_inner);
        !self.shared.is_poisoned() && background.seal(self, pace)
    }

    pub(super) fn cut(&self) -> Cut {
        Cut::take(&mut self.between_groups())
    }

    /// Makes everything written durable, also where appends did not wait for that.
    pub(super) fn sync(&self) {
        let mut committer = self.between_groups();
        match committer.ring.sync() {
            Ok(()) => committer.durable_seq = committer.last_seq,
            Err(error) => {
                drop(committer);
                self.shared
                    .poison(&format!("syncing the write-ahead log failed: {error}"));
            }
        }
    }

    pub(super) fn metrics(&self) -> Metrics {
        let shared = &self.shared;
        let (calls, bytes) = shared.queue.depth();
        let logs = shared.logs.read().unwrap_or_else(PoisonError::into_inner).len();
        Metrics {
            queue_calls: as_u64(calls),
            queue_bytes: as_u64(bytes),
            logs: as_u64(logs),
            tail_cache_bytes: as_u64(shared.unsealed.load(Ordering::Relaxed)),
            disk_full: u64::from(
                shared.disk_full.load(Ordering::Relaxed) || shared.out_of_space.load(Ordering::Relaxed),
            ),
            failed: u64::from(shared.is_poisoned()),
            ..shared.counters.snapshot()
        }
    }

    /// Lets other processes have the directory. Nothing may be written afterwards.
    pub(super) fn unlock(&self) {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether a segment should be made ready.
    pub(super) fn wants_segment(&self) -> bool {
        self.committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ring
            .is_short()
    }

    /// Whether sealing should not spare the disk any more, because appends will soon have to wait for it.
    pub(super) fn is_pressed(&self) -> bool {
        self.shared.unsealed.load(Ordering::Relaxed) >= self.shared.tail_cache_bytes / 4 * 3
    }

    /// Whether appends have to wait for sealing.
    pub(super) fn is_out_of_room(&self) -> bool {
        let shared = &self.shared;
        shared.unsealed.load(Ordering::Relaxed) >= shared.tail_cache_bytes
            && !shared.disk_full.load(Ordering::Relaxed)
            && !shared.is_poisoned()
    }

    /// Whether so much is unsealed that sealing is due.
    pub(super) fn is_behind(&self, seal_bytes: u64) -> bool {
        self.shared.unsealed.load(Ordering::Relaxed) >= as_usize(seal_bytes)
    }
}

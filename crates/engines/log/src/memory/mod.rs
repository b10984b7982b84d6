//! Logs in memory: the engine of tests and the yardstick of the contract. Nothing survives the process.

use std::collections::{HashMap, VecDeque};
use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_base::{Clock, Timestamp};
use tokio::sync::watch;

use crate::batch::{self, Budget};
use crate::{
    Append, Appended, Batch, Chunk, Entry, Log, LogError, LogId, LogOptions, Offset, Pending, ReadLimits,
    Stats, Tail, Watch,
};

/// All logs of a test, in memory.
#[derive(Debug)]
pub struct MemoryLog {
    clock: Arc<dyn Clock>,
    /// The newest append time of any log, milliseconds.
    newest: AtomicU64,
    logs: Mutex<HashMap<LogId, MemoryState>>,
}

#[derive(Debug)]
struct MemoryState {
    entries: VecDeque<Entry>,
    bytes: u64,
    tail: watch::Sender<Tail>,
}

impl MemoryLog {
    /// No logs yet; append times come from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            newest: AtomicU64::new(0),
            logs: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LogId, MemoryState>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        id: LogId,
        body: impl FnOnce(&mut MemoryState) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        body(self.lock().get_mut(&id).ok_or(LogError::NotFound(id))?)
    }
}

impl MemoryState {
    fn append(&mut self, id: LogId, batch: &Batch, now: Timestamp) -> Result<Appended, LogError> {
        let tail = *self.tail.borrow();
        if tail.sealed {
            return Err(LogError::Sealed(id));
        }
        let time = now.max(tail.last_time);
        let mut begin = 0;
        let mut offset = tail.end;
        for end in &batch.ends {
            let end = usize::try_from(*end).unwrap_or(usize::MAX);
            self.entries.push_back(Entry {
                offset,
                time,
                bytes: batch.bytes.slice(begin..end),
            });
            begin = end;
            offset += 1;
        }
        self.bytes += u64::try_from(batch.bytes.len()).unwrap_or(u64::MAX);
        self.tail.send_replace(Tail {
            end: offset,
            last_time: time,
            ..tail
        });
        Ok(Appended {
            first: tail.end,
            time,
        })
    }

    fn read(&self, from: Offset, limits: ReadLimits) -> Result<Chunk, LogError> {
        let tail = *self.tail.borrow();
        if from < tail.start {
            return Err(LogError::Trimmed {
                offset: from,
                start: tail.start,
            });
        }
        if from > tail.end {
            return Err(LogError::BeyondTail {
                offset: from,
                end: tail.end,
            });
        }
        let mut budget = Budget::new(limits);
        let skip = usize::try_from(from - tail.start).unwrap_or(usize::MAX);
        let entries = self
            .entries
            .iter()
            .skip(skip)
            .take_while(|entry| budget.take(entry.bytes.len()))
            .cloned()
            .collect();
        Ok(Chunk { entries, tail })
    }

    fn trim(&mut self, before: Offset) -> Result<(), LogError> {
        let tail = *self.tail.borrow();
        if before > tail.end {
            return Err(LogError::BeyondTail {
                offset: before,
                end: tail.end,
            });
        }
        while self.entries.front().is_some_and(|entry| entry.offset < before) {
            let gone = self.entries.pop_front().map_or(0, |entry| entry.bytes.len());
            self.bytes -= u64::try_from(gone).unwrap_or(0);
        }
        if before > tail.start {
            self.tail.send_modify(|tail| tail.start = before);
        }
        Ok(())
    }
}

impl Log for MemoryLog {
    fn create(&self, id: LogId, _options: LogOptions) -> Pending<()> {
        let result = match self.lock().entry(id) {
            std::collections::hash_map::Entry::Occupied(_) => Err(LogError::Exists(id)),
            std::collections::hash_map::Entry::Vacant(free) => {
                let tail = watch::Sender::new(Tail::default());
                free.insert(MemoryState {
                    entries: VecDeque::new(),
                    bytes: 0,
                    tail,
                });
                Ok(())
            }
        };
        Box::pin(ready(result))
    }

    fn append(&self, id: LogId, batch: Batch) -> Append {
        let now = self.clock.now();
        // As the embedded engine: the clock may go back, append times do not, from log to log either.
        let now = Timestamp(self.newest.fetch_max(now.0, Ordering::Relaxed).max(now.0));
        let result = batch::check(&batch).and_then(|()| self.with(id, |log| log.append(id, &batch, now)));
        Box::pin(ready(result))
    }

    fn read(&self, id: LogId, from: Offset, limits: ReadLimits) -> Pending<Chunk> {
        Box::pin(ready(self.with(id, |log| log.read(from, limits))))
    }

    fn tail(&self, id: LogId) -> Result<Tail, LogError> {
        self.with(id, |log| Ok(*log.tail.borrow()))
    }

    fn watch(&self, id: LogId) -> Result<Watch, LogError> {
        self.with(id, |log| Ok(log.tail.subscribe()))
    }

    fn offset_at(&self, id: LogId, time: Timestamp) -> Pending<Offset> {
        Box::pin(ready(self.with(id, |log| {
            let found = log.entries.partition_point(|entry| entry.time < time);
            Ok(log
                .entries
                .get(found)
                .map_or(log.tail.borrow().end, |entry| entry.offset))
        })))
    }

    fn trim(&self, id: LogId, before: Offset) -> Pending<()> {
        Box::pin(ready(self.with(id, |log| log.trim(before))))
    }

    fn seal(&self, id: LogId) -> Pending<Offset> {
        Box::pin(ready(self.with(id, |log| {
            log.tail
                .send_if_modified(|tail| !std::mem::replace(&mut tail.sealed, true));
            Ok(log.tail.borrow().end)
        })))
    }

    fn delete(&self, id: LogId) -> Pending<()> {
        let gone = self.lock().remove(&id).map(drop).ok_or(LogError::NotFound(id));
        Box::pin(ready(gone))
    }

    fn stats(&self, id: LogId) -> Result<Stats, LogError> {
        self.with(id, |log| {
            let tail = *log.tail.borrow();
            Ok(Stats {
                records: tail.end - tail.start,
                bytes: log.bytes,
            })
        })
    }
}

#[cfg(test)]
mod tests;

//! Where every log stands for its next change: the state machine that gives order, offsets and times.
//!
//! It runs ahead of what readers see by one group at most. A group that could not be written is undone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use millrace_base::Timestamp;

use super::codec::as_u64;
use super::manifest::format::LogMeta;
use super::state::{Cached, LogCell};
use super::wal::Builder;
use crate::{Appended, Batch, LogError, LogId, LogOptions, Offset, Tail, batch};

/// One log, for its writer.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) meta: LogMeta,
    pub(super) cell: Arc<LogCell>,
}

/// What readers will see of a change when its group is durable.
#[derive(Debug)]
pub(super) enum Effect {
    Nothing,
    Create(Arc<LogCell>),
    Append(Arc<LogCell>, Cached),
    Trim(Arc<LogCell>, Offset),
    Seal(Arc<LogCell>),
    Delete(Arc<LogCell>),
}

/// All logs, for their writer.
#[derive(Debug, Default)]
pub(super) struct Heads {
    logs: HashMap<LogId, Head>,
    /// Logs that differ from the MANIFEST's tables.
    changed: HashSet<LogId>,
    undo: Vec<(LogId, Option<LogMeta>, Arc<LogCell>)>,
}

impl Heads {
    pub(super) fn insert(&mut self, head: Head) {
        self.logs.insert(head.cell.id, head);
    }

    pub(super) fn get(&self, id: LogId) -> Option<&Head> {
        self.logs.get(&id)
    }

    /// The newest append time of any log.
    pub(super) fn newest(&self) -> Timestamp {
        let times = self.logs.values().map(|head| head.meta.last_time);
        times.max().unwrap_or_default()
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &Arc<LogCell>> {
        self.logs.values().map(|head| &head.cell)
    }

    pub(super) fn mark_changed(&mut self, id: LogId) {
        self.changed.insert(id);
    }

    /// The logs that changed since the last call.
    pub(super) fn take_changed(&mut self) -> HashSet<LogId> {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Whether these batches may be appended to the log now.
    fn head(&self, id: LogId) -> Result<&Head, LogError> {
        self.logs.get(&id).ok_or(LogError::NotFound(id))
    }

    fn update(&mut self, id: LogId, change: impl FnOnce(&mut LogMeta)) {
        if let Some(head) = self.logs.get_mut(&id) {
            self.undo.push((id, Some(head.meta), Arc::clone(&head.cell)));
            change(&mut head.meta);
            self.changed.insert(id);
        }
    }

    /// The group is durable.
    pub(super) fn confirm(&mut self) {
        self.undo.clear();
    }

    /// The group was not written.
    pub(super) fn undo(&mut self) {
        while let Some((id, meta, cell)) = self.undo.pop() {
            match meta {
                Some(meta) => self.logs.insert(id, Head { meta, cell }),
                None => self.logs.remove(&id),
            };
        }
    }

    pub(super) fn create(
        &mut self,
        id: LogId,
        options: LogOptions,
        out: &mut Builder,
    ) -> Result<((), Effect), LogError> {
        if self.logs.contains_key(&id) {
            return Err(LogError::Exists(id));
        }
        let retention_ms = u64::try_from(options.retention.as_millis()).unwrap_or(u64::MAX);
        out.create(id, retention_ms);
        let cell = Arc::new(LogCell::new(id, Tail::default(), [].into()));
        let effect = Effect::Create(Arc::clone(&cell));
        self.replay_create(id, retention_ms, cell);
        Ok(((), effect))
    }

    /// Adds an empty log.
    pub(super) fn replay_create(&mut self, id: LogId, retention_ms: u64, cell: Arc<LogCell>) {
        let meta = LogMeta {
            retention_ms,
            start: 0,
            end: 0,
            last_time: Timestamp(0),
            sealed: false,
        };
        self.undo.push((id, None, Arc::clone(&cell)));
        self.logs.insert(id, Head { meta, cell });
        self.changed.insert(id);
    }

    pub(super) fn append(
        &mut self,
        id: LogId,
        batch: Batch,
        now: Timestamp,
        out: &mut Builder,
    ) -> Result<(Appended, Effect), LogError> {
        batch::check(&batch)?;
        let head = self.head(id)?;
        if head.meta.sealed {
            return Err(LogError::Sealed(id));
        }
        let (first, time) = (head.meta.end, now.max(head.meta.last_time));
        let cell = Arc::clone(&head.cell);
        out.append(id, first, time, &batch);
        let cached = Cached {
            first,
            time,
            bytes: batch.bytes,
            ends: batch.ends,
            in_place: batch.in_place,
        };
        self.replay_append(id, &cached);
        Ok((Appended { first, time }, Effect::Append(cell, cached)))
    }

    pub(super) fn replay_append(&mut self, id: LogId, cached: &Cached) {
        self.update(id, |meta| {
            meta.end = cached.first + as_u64(cached.ends.len());
            meta.last_time = cached.time;
        });
    }

    pub(super) fn trim(
        &mut self,
        id: LogId,
        before: Offset,
        out: &mut Builder,
    ) -> Result<((), Effect), LogError> {
        let head = self.head(id)?;
        if before > head.meta.end {
            return Err(LogError::BeyondTail {
                offset: before,
                end: head.meta.end,
            });
        }
        if before <= head.meta.start {
            return Ok(((), Effect::Nothing));
        }
        let cell = Arc::clone(&head.cell);
        out.trim(id, before);
        self.replay_trim(id, before);
        Ok(((), Effect::Trim(cell, before)))
    }

    pub(super) fn replay_trim(&mut self, id: LogId, before: Offset) {
        self.update(id, |meta| meta.start = before);
    }

    pub(super) fn seal(&mut self, id: LogId, out: &mut Builder) -> Result<(Offset, Effect), LogError> {
        let head = self.head(id)?;
        let end = head.meta.end;
        if head.meta.sealed {
            return Ok((end, Effect::Nothing));
        }
        let cell = Arc::clone(&head.cell);
        out.seal(id, end);
        self.replay_seal(id);
        Ok((end, Effect::Seal(cell)))
    }

    pub(super) fn replay_seal(&mut self, id: LogId) {
        self.update(id, |meta| meta.sealed = true);
    }

    pub(super) fn delete(&mut self, id: LogId, out: &mut Builder) -> Result<((), Effect), LogError> {
        let cell = Arc::clone(&self.head(id)?.cell);
        out.delete(id);
        self.replay_delete(id);
        Ok(((), Effect::Delete(cell)))
    }

    pub(super) fn replay_delete(&mut self, id: LogId) {
        self.update(id, |_| {});
        self.logs.remove(&id);
    }
}

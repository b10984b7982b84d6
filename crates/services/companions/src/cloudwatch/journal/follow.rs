//! The one path on which records are applied: strictly in the order of the log, whoever wrote them.

use std::sync::Arc;

use millrace_log::{Entry, LogError, LogOptions, Offset, ReadLimits, Watch};

use super::checkpoint::{self, Checkpoints};
use super::{Journal, LOG, bytes};
use crate::cloudwatch::error::OpenError;
use crate::cloudwatch::limits::{FOLLOW_RETRY, READ_BYTES, READ_RECORDS, RECORDS_KEPT, TRIM_EVERY};
use crate::cloudwatch::state::Store;

/// Follows the log.
pub(super) struct Follower {
    journal: Arc<Journal>,
    checkpoints: Checkpoints,
    watch: Watch,
    /// Bytes applied since the newest checkpoint, and what that one took.
    since: u64,
    newest: u64,
}

impl Follower {
    /// Makes the log if there is none, takes the newest checkpoint and everything behind it.
    pub(super) async fn open(journal: Arc<Journal>) -> Result<Self, OpenError> {
        let log = &journal.parts.log;
        let options = LogOptions {
            retention: RECORDS_KEPT,
        };
        // A full disk refuses a creation before it looks whether it is one.
        if log.tail(LOG).is_err() {
            match log.create(LOG, options).await {
                Ok(()) | Err(LogError::Exists(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut follower = Self {
            watch: log.watch(LOG)?,
            checkpoints: Checkpoints::new(journal.parts.blobs.clone()),
            journal,
            since: 0,
            newest: 0,
        };
        follower.restore().await?;
        follower.catch_up().await?;
        Ok(follower)
    }

    /// Follows on from where a journal is, as one does that stood still for a while.
    #[cfg(test)]
    pub(super) async fn resume(journal: Arc<Journal>) -> Result<(), OpenError> {
        let mut follower = Self {
            watch: journal.parts.log.watch(LOG)?,
            checkpoints: Checkpoints::new(journal.parts.blobs.clone()),
            journal,
            since: 0,
            newest: 0,
        };
        follower.catch_up().await
    }

    /// Applies what comes until the tasks are told to stop.
    pub(super) async fn run(mut self) {
        let parts = self.journal.parts.clone();
        loop {
            self.watch.mark_unchanged();
            if let Err(error) = self.step().await {
                tracing::error!(%error, "metrics cannot be followed, trying again");
                tokio::select! {
                    () = parts.clock.sleep(FOLLOW_RETRY) => {}
                    () = parts.tasks.stopping() => return,
                }
                continue;
            }
            tokio::select! {
                biased;
                () = parts.tasks.stopping() => return,
                changed = self.watch.changed() => if changed.is_err() {
                    tracing::error!("the log of metrics is gone; restart the server");
                    return;
                },
                () = parts.clock.sleep(TRIM_EVERY) => self.trim_by_age().await,
            }
        }
    }

    async fn step(&mut self) -> Result<(), OpenError> {
        self.catch_up().await?;
        self.checkpoint_if_due();
        Ok(())
    }

    /// Applies everything that is in the log.
    async fn catch_up(&mut self) -> Result<(), OpenError> {
        let limits = ReadLimits {
            bytes: READ_BYTES,
            records: READ_RECORDS,
        };
        loop {
            let next = self.journal.state().next;
            let chunk = match self.journal.parts.log.read(LOG, next, limits).await {
                Ok(chunk) => chunk,
                // Another node was so far ahead that it trimmed what this one still had to apply.
                Err(LogError::Trimmed { start, .. }) => {
                    tracing::warn!(applied = next, start, "fell behind the log of metrics");
                    self.restore().await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(last) = chunk.entries.last() else {
                return Ok(());
            };
            let end = last.offset + 1;
            for entry in &chunk.entries {
                self.apply(entry);
            }
            self.journal.applied.send_replace(end);
            if end == chunk.tail.end || self.journal.parts.tasks.is_stopping() {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, entry: &Entry) {
        let metrics = &self.journal.parts.metrics;
        let update = bytes::decode(&entry.bytes);
        let mut state = self.journal.state();
        state.next = entry.offset + 1;
        match update {
            Ok(update) => match state.store.apply(entry.time.seconds(), &update) {
                Ok(()) => metrics.samples.add(update.samples.len() as u64),
                Err(full) => {
                    state.refuse(entry.offset, full);
                    metrics.refused.add(update.samples.len() as u64);
                    tracing::debug!(?full, offset = entry.offset, "metrics had no room");
                }
            },
            Err(why) => {
                metrics.unreadable.add(1);
                tracing::error!(
                    offset = entry.offset,
                    "a record of the log of metrics {why}; it is passed over"
                );
            }
        }
        let (count, bytes) = state.store.size();
        metrics.stored_metrics.set(count as u64);
        metrics.stored_bytes.set(bytes as u64);
        drop(state);
        self.since += entry.bytes.len() as u64;
    }

    /// Puts the store to the newest checkpoint that the log continues, or to the log's beginning.
    async fn restore(&mut self) -> Result<(), OpenError> {
        let tail = self.journal.parts.log.tail(LOG)?;
        let restored = self.checkpoints.newest(tail.start, tail.end).await?;
        let (next, store) = match restored {
            Some(restored) => {
                self.newest = restored.bytes;
                (restored.position, restored.store)
            }
            None => {
                // Nothing is missing where what was before is older than everything that is kept.
                tracing::debug!(start = tail.start, "metrics are read from the start of their log");
                (tail.start, Store::default())
            }
        };
        self.since = 0;
        let mut state = self.journal.state();
        state.next = next;
        state.store = store;
        drop(state);
        self.journal.applied.send_replace(next);
        Ok(())
    }

    /// Takes the store between two records here; writes it beside.
    fn checkpoint_if_due(&mut self) {
        let parts = &self.journal.parts;
        if self.since < parts.checkpoint_bytes.max(self.newest) || !self.checkpoints.begin() {
            return;
        }
        let (position, store) = {
            let state = self.journal.state();
            (state.next, state.store.clone())
        };
        self.since = 0;
        self.newest = checkpoint::size_of(&store);
        let (checkpoints, log, metrics) = (
            self.checkpoints.clone(),
            Arc::clone(&parts.log),
            Arc::clone(&parts.metrics),
        );
        parts.tasks.spawn(async move {
            let written = checkpoints.write(position, &store).await;
            drop(store);
            let before: Option<Offset> = match written {
                Ok(before) => {
                    metrics.checkpoints.add(1);
                    before
                }
                // Nothing is lost: the log is trimmed only behind a kept checkpoint.
                Err(error) => {
                    tracing::warn!(%error, position, "a checkpoint of the metrics failed; the next one is tried later");
                    None
                }
            };
            if let Some(before) = before
                && let Err(error) = log.trim(LOG, before).await
            {
                tracing::warn!(%error, before, "the log of metrics could not be trimmed");
            }
            checkpoints.end();
        });
    }

    /// Lets go of records whose data nobody can ask for any more.
    async fn trim_by_age(&self) {
        let parts = &self.journal.parts;
        let horizon = parts.clock.now().minus(RECORDS_KEPT);
        let trimmed = async {
            let before = parts.log.offset_at(LOG, horizon).await?;
            if before > parts.log.tail(LOG)?.start {
                parts.log.trim(LOG, before).await?;
            }
            Ok::<_, LogError>(())
        };
        if let Err(error) = trimmed.await {
            tracing::warn!(%error, "the log of metrics could not be trimmed");
        }
    }
}

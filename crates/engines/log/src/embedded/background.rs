//! What is done besides commits, on one thread: dead files go, unsealed records move to files, small
//! files are merged. Every step leaves the store whole; a step that fails is tried again later.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::codec::as_u64;
use super::commit::{Committer, is_busy, is_full};
use super::core::Core;
use super::heads::Head;
use super::limits::USED_SEGMENTS_MAX;
use super::manifest::Manifest;
use super::manifest::format::Edit;
use super::sealed;
use super::state::SealedFile;
use crate::LogId;

/// Pause after a failure: the committer may ask for background work many times a second.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where the write-ahead log stood between two groups, and which logs the MANIFEST's tables do not show right.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) seq: u64,
    pub(super) epoch: u64,
    /// Ascending; `None` for a log that was deleted.
    pub(super) logs: BTreeMap<LogId, Option<Head>>,
}

impl Cut {
    pub(super) fn take(committer: &mut Committer) -> Self {
        let changed = committer.heads.take_changed();
        committer.oldest_change = None;
        let logs = changed
            .into_iter()
            .map(|id| (id, committer.heads.get(id).cloned()))
            .collect();
        Self {
            seq: committer.last_seq,
            epoch: committer.epoch,
            logs,
        }
    }

    /// The cut came to nothing: its logs still differ from the tables.
    pub(super) fn give_back(self, committer: &mut Committer) {
        self.logs
            .into_keys()
            .for_each(|id| committer.heads.mark_changed(id));
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Background {
    pub(super) manifest: Manifest,
    pub(super) files: BTreeMap<u64, Arc<SealedFile>>,
    pub(super) next_file: u64,
    pub(super) seal_bytes: u64,
    pub(super) seal_age: Duration,
    /// Files that could not be merged because they are damaged.
    pub(super) unmergeable: Vec<u64>,
    /// When what failed last is tried again, on the monotonic clock.
    pub(super) retry_at: Duration,
}

impl Background {
    /// Does what is due. Says whether something was done.
    pub(super) fn step(&mut self, core: &Core, pace: &mut dyn FnMut(usize)) -> bool {
        let removed = self.remove_dead(core);
        if core.shared.clock.monotonic() < self.retry_at {
            return removed;
        }
        let sealed = self.is_due(core) && self.seal(core, pace);
        let merged = self.compact(core, pace);
        removed || sealed || merged
    }

    fn is_due(&self, core: &Core) -> bool {
        if core.is_behind(self.seal_bytes) {
            return true;
        }
        let committer = core.between_groups();
        let now = core.shared.clock.now();
        committer.heads.has_changed()
            && (committer.ring.used() >= USED_SEGMENTS_MAX
                || core.shared.out_of_space.load(Ordering::Relaxed)
                || committer
                    .oldest_change
                    .is_some_and(|oldest| now.since(oldest) >= self.seal_age))
    }

    /// Removes the files that no log wants any more.
    pub(super) fn remove_dead(&mut self, core: &Core) -> bool {
        let dead: Vec<u64> = self
            .files
            .values()
            .filter(|file| file.live_extents.load(Ordering::Relaxed) == 0)
            .map(|file| file.id)
            .collect();
        if dead.is_empty() {
            return false;
        }
        let edits: Vec<Edit> = dead.iter().map(|id| Edit::FileRemoved(*id)).collect();
        if !self.record(core, &edits) {
            return false;
        }
        self.drop_files(core, &dead);
        true
    }

    /// Removes files that the MANIFEST does not list any more.
    pub(super) fn drop_files(&mut self, core: &Core, files: &[u64]) {
        for id in files {
            self.files.remove(id);
            core.shared.footers.forget(*id);
            // The next start removes what stays.
            if let Err(error) = core.shared.disk.unlink(&sealed::name_of(*id)) {
                tracing::warn!(file = sealed::name_of(*id), %error, "a sealed file nobody needs cannot be removed");
            }
        }
        core.shared.disk_full.store(false, Ordering::Relaxed);
        self.count(core);
    }

    /// Appends edits to the MANIFEST. When that fails for another reason than a full disk
    /// or too many open files the store stops.
    pub(super) fn record(&mut self, core: &Core, edits: &[Edit]) -> bool {
        if core.shared.is_poisoned() {
            // Its last sync may be what failed: the next would succeed without having written what that left.
            return false;
        }
        match self.manifest.append(edits) {
            Ok(()) => true,
            Err(error) if is_full(&error) || is_busy(&error) => {
                self.failed(core, "the manifest cannot grow", &error);
                false
            }
            Err(error) => {
                core.shared
                    .poison(&format!("writing the manifest failed: {error}"));
                false
            }
        }
    }

    /// Notes a failure after which everything is as before.
    pub(super) fn failed(&mut self, core: &Core, what: &'static str, error: &io::Error) {
        self.retry_at = core.shared.clock.monotonic() + RETRY_AFTER;
        core.shared.disk_full.store(is_full(error), Ordering::Relaxed);
        core.shared
            .counters
            .background_failures
            .fetch_add(1, Ordering::Relaxed);
        tracing::warn!(what, %error, disk = core.shared.disk.describe(), "log background work failed, tried again soon");
    }

    pub(super) fn count(&self, core: &Core) {
        let counters = &core.shared.counters;
        counters
            .sealed_files
            .store(as_u64(self.files.len()), Ordering::Relaxed);
        counters
            .sealed_file_bytes
            .store(self.files.values().map(|file| file.len).sum(), Ordering::Relaxed);
    }
}

//! The whole store at one moment, while it goes on: sealed files, which never change, and the MANIFEST that makes just
//! these a store. There is nothing in the write-ahead log that they would need.
//!
//! Everything acknowledged before the call is in it: the records that only the write-ahead log holds are moved to sealed
//! files first. All logs are cut between the same two groups, so that what one log says of another holds in the snapshot,
//! too. Files are neither removed nor merged until the caller has taken hold of them, by a second name for instance.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError};

use super::EmbeddedLog;
use super::background::Background;
use super::core::Core;
use super::manifest;
use super::sealed::name_of;
use super::sync::MutexGuard;
use crate::{LogId, Tail};

/// A store at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Names of its sealed files, and their lengths in bytes.
    pub files: Vec<(String, u64)>,
    /// What its file `MANIFEST` has to hold.
    pub manifest: Vec<u8>,
    /// Its logs.
    pub logs: BTreeMap<LogId, Tail>,
    /// The last batch of the write-ahead log that is in it.
    pub batch: u64,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The engine stopped.
    #[error("the log engine is closed")]
    Closed,
    /// Records cannot leave the write-ahead log.
    #[error(
        "the newest records cannot be moved to files, which needs space on the disk; the server's log says why"
    )]
    Unsealed,
    /// The caller could not take hold of a file.
    #[error("the files cannot be kept: {0}")]
    Keep(#[from] io::Error),
}

impl EmbeddedLog {
    /// Takes a snapshot and hands it to `keep`, during which none of its files goes. Appends go on meanwhile, moving
    /// records to files does not: `keep` should be done within a second.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub async fn snapshot<T: Send + 'static>(
        &self,
        keep: impl FnOnce(&Snapshot) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SnapshotError> {
        let core = Arc::clone(&self.core);
        super::blocking(move || core.snapshot(keep))
            .await
            .unwrap_or(Err(SnapshotError::Closed))
    }
}

impl Core {
    pub(super) fn snapshot<T>(
        &self,
        keep: impl FnOnce(&Snapshot) -> io::Result<T>,
    ) -> Result<T, SnapshotError> {
        let mut background = self.lock_background();
        if self.shared.is_poisoned() {
            return Err(SnapshotError::Closed);
        }
        let unsealed = self.between_groups().heads.has_changed();
        if unsealed && !background.seal(self, &mut |_| {}) {
            return Err(SnapshotError::Unsealed);
        }
        Ok(keep(&background.snapshot(self.shared.key))?)
    }

    fn lock_background(&self) -> MutexGuard<'_, Background> {
        self.background.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Background {
    /// What the MANIFEST says now. Between two seals its tables are the store as of its trim point.
    fn snapshot(&self, key: u64) -> Snapshot {
        let tables = self.manifest.tables();
        let tail = |meta: &manifest::format::LogMeta| Tail {
            start: meta.start,
            end: meta.end,
            last_time: meta.last_time,
            sealed: meta.sealed,
        };
        Snapshot {
            files: tables
                .files
                .iter()
                .map(|(id, meta)| (name_of(*id), meta.len))
                .collect(),
            manifest: manifest::encode(key, tables),
            logs: tables.logs.iter().map(|(id, meta)| (*id, tail(meta))).collect(),
            batch: tables.trimmed.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ALL;
    use crate::disk::sim::SimDisk;
    use crate::embedded::fuzz::{fill, sample};
    use crate::embedded::recovery;

    /// A disk with nothing but the files of a snapshot.
    fn restored(disk: &SimDisk, snapshot: &Snapshot) -> SimDisk {
        let (all, copy) = (disk.files(), SimDisk::new(1, false));
        for (name, len) in &snapshot.files {
            assert_eq!(all[name].len() as u64, *len);
            copy.put(name, all[name].clone());
        }
        copy.put(manifest::NAME, snapshot.manifest.clone());
        copy
    }

    fn texts(core: &Core, log: u64, from: u64) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            // One extent at a time.
            let chunk = core
                .shared
                .read(LogId(log), from + texts.len() as u64, ALL)
                .unwrap();
            if chunk.entries.is_empty() {
                return texts;
            }
            let text = |entry: &crate::Entry| String::from_utf8(entry.bytes.to_vec()).unwrap();
            texts.extend(chunk.entries.iter().map(text));
        }
    }

    #[test]
    fn everything_acknowledged_before_is_in_it_and_nothing_after() {
        let disk = SimDisk::new(1, false);
        let core = recovery::open(&sample(&disk)).unwrap();
        fill(&core);
        let first = core.snapshot(|snapshot| Ok(snapshot.clone())).unwrap();
        let again = core.snapshot(|snapshot| Ok(snapshot.clone())).unwrap();
        assert_eq!(first.manifest, again.manifest, "nothing happened in between");
        let copy = restored(&disk, &first);
        for _ in 0..2 {
            // A restored store opens as often as one likes.
            let opened = recovery::open(&sample(&copy)).unwrap();
            assert_eq!(texts(&opened, 1, 0), ["one", "", "three", "four"]);
            assert_eq!(texts(&opened, 2, 1), ["", "three"]);
            let tail = opened.shared.cell(LogId(2)).unwrap().lock().tail;
            assert!(tail.sealed && tail.start == 1);
            assert_eq!(first.logs[&LogId(2)], tail);
            drop(opened);
            copy.reboot(crate::disk::sim::Crash::Kill);
        }
    }

    #[test]
    fn where_records_cannot_leave_the_log_there_is_none() {
        let disk = SimDisk::new(1, false);
        let core = recovery::open(&sample(&disk)).unwrap();
        fill(&core);
        disk.fail_after(Some(1), io::ErrorKind::StorageFull);
        let refused = core.snapshot(|_| Ok(())).unwrap_err();
        assert!(matches!(refused, SnapshotError::Unsealed), "{refused}");
        disk.fail_after(None, io::ErrorKind::Other);
        core.snapshot(|_| Ok(())).unwrap();
        let refused = core
            .snapshot(|_| Err::<(), _>(io::ErrorKind::CrossesDevices.into()))
            .unwrap_err();
        assert!(matches!(refused, SnapshotError::Keep(_)), "{refused}");
    }
}

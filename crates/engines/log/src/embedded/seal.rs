//! Sealing: the records that only the write-ahead log holds move from memory to sorted files.
//!
//! The order of steps is what keeps every acknowledged record: files and their names durable, then the MANIFEST's
//! edit, then readers are sent to the files, and only then the segments are used again.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::background::{Background, Cut};
use super::core::Core;
use super::heads::Head;
use super::limits::OWN_FILE_BYTES;
use super::manifest::format::{Edit, FileMeta};
use super::sealed::format::Footer;
use super::sealed::{Writer, class_of, name_of};
use super::state::{Cached, Extent, LogCell, SealedFile};
use crate::{LogId, Offset};

/// One log's part of a cut.
#[derive(Debug)]
struct Part {
    cell: Arc<LogCell>,
    from: Offset,
    records: Vec<Cached>,
}

/// Which logs share a file: their retention class, and the log itself if it fills one alone.
type Group = (u8, Option<LogId>);

/// A file that is written but not yet known to anyone.
pub(super) struct Written {
    pub(super) file: Arc<SealedFile>,
    pub(super) footer: Footer,
}

impl Written {
    pub(super) fn new(id: u64, class: u8, footer: Footer, len: u64) -> Self {
        let (live_extents, live_len) = (AtomicU32::new(0), AtomicU64::new(0));
        let data_len = footer.data_len();
        Self {
            file: Arc::new(SealedFile {
                id,
                class,
                len,
                live_extents,
                live_len,
                data_len,
            }),
            footer,
        }
    }

    pub(super) fn edit(&self) -> Edit {
        Edit::FileAdded(
            self.file.id,
            FileMeta {
                class: self.file.class,
                len: self.file.len,
            },
        )
    }

    pub(super) fn extents(&self) -> impl Iterator<Item = (LogId, Extent)> {
        self.footer.extents.iter().map(|info| {
            let file = Arc::clone(&self.file);
            let (first, end, last_time) = (info.first, info.end, info.last_time);
            (
                info.log,
                Extent {
                    file,
                    first,
                    end,
                    last_time,
                    bytes: info.bytes,
                    len: info.len,
                },
            )
        })
    }
}

impl Background {
    /// Moves everything that is durable now to files. Says whether that worked and there was something.
    pub(super) fn seal(&mut self, core: &Core, pace: &mut dyn FnMut(usize)) -> bool {
        let cut = core.cut();
        if cut.logs.is_empty() {
            return false;
        }
        let groups = group(&cut);
        let mut written = Vec::new();
        if let Err(error) = self.write_groups(core, &groups, &mut written, pace) {
            self.failed(core, "unsealed records cannot be moved to files", &error);
            self.discard(core, &written);
            cut.give_back(&mut core.between_groups());
            return false;
        }
        let mut edits: Vec<Edit> = written.iter().map(Written::edit).collect();
        edits.extend(cut.logs.iter().map(|(id, head)| match head {
            Some(head) => Edit::Log(*id, head.meta),
            None => Edit::LogDeleted(*id),
        }));
        edits.push(Edit::WalTrim {
            seq: cut.seq,
            epoch: cut.epoch,
        });
        if !self.record(core, &edits) {
            self.discard(core, &written);
            cut.give_back(&mut core.between_groups());
            return false;
        }
        self.publish(core, groups.values().flatten(), written);
        self.release(core, cut.seq);
        core.shared.counters.seals.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn write_groups(
        &mut self,
        core: &Core,
        groups: &BTreeMap<Group, Vec<Part>>,
        written: &mut Vec<Written>,
        pace: &mut dyn FnMut(usize),
    ) -> io::Result<()> {
        for ((class, _), parts) in groups {
            let id = self.next_file;
            self.next_file += 1;
            match write_parts(core, id, parts, pace) {
                Ok((footer, len)) => {
                    core.shared
                        .counters
                        .sealed_bytes_written
                        .fetch_add(len, Ordering::Relaxed);
                    written.push(Written::new(id, *class, footer, len));
                }
                Err(error) => {
                    // Give its space back; a leftover goes at the next start at the latest.
                    let _ = core.shared.disk.unlink(&name_of(id));
                    return Err(error);
                }
            }
        }
        if written.is_empty() {
            Ok(())
        } else {
            core.shared.disk.sync_dir()
        }
    }

    /// Removes files that nobody knows of. After a failed sync the MANIFEST may know them: they stay.
    pub(super) fn discard(&self, core: &Core, written: &[Written]) {
        if core.shared.is_poisoned() {
            return;
        }
        for written in written {
            let _ = core.shared.disk.unlink(&name_of(written.file.id));
        }
    }

    fn publish<'a>(&mut self, core: &Core, parts: impl Iterator<Item = &'a Part>, written: Vec<Written>) {
        let cells: BTreeMap<LogId, &Arc<LogCell>> = parts.map(|part| (part.cell.id, &part.cell)).collect();
        for written in written {
            for (log, extent) in written.extents() {
                if let Some(cell) = cells.get(&log) {
                    core.shared.freed(cell.lock().sealed_into(extent));
                }
            }
            self.files.insert(written.file.id, written.file);
        }
        self.count(core);
    }

    fn release(&self, core: &Core, seq: u64) {
        let surplus = core.between_groups().ring.release(seq);
        for segment in surplus {
            if let Err(error) = core.shared.disk.unlink(&segment.name) {
                tracing::warn!(file = segment.name, %error, "a write-ahead segment nobody needs cannot be removed");
            }
        }
        core.shared.disk_full.store(false, Ordering::Relaxed);
    }
}

fn group(cut: &Cut) -> BTreeMap<Group, Vec<Part>> {
    let mut groups: BTreeMap<Group, Vec<Part>> = BTreeMap::new();
    for (id, head) in &cut.logs {
        let Some(head) = head else { continue };
        let Some(part) = part(head) else { continue };
        let bytes: usize = part.records.iter().map(|cached| cached.bytes.len()).sum();
        let alone = (bytes >= OWN_FILE_BYTES).then_some(*id);
        groups
            .entry((class_of(head.meta.retention_ms), alone))
            .or_default()
            .push(part);
    }
    groups
}

/// The records of a log that the cut covers and that are in no file; `None` when there are none.
fn part(head: &Head) -> Option<Part> {
    let state = head.cell.lock();
    let from = state.tail.start.max(state.cache.front()?.first);
    let records: Vec<Cached> = state
        .cache
        .iter()
        .take_while(|cached| cached.first < head.meta.end)
        .cloned()
        .collect();
    let any = records.last().is_some_and(|last| last.end() > from);
    any.then(|| Part {
        cell: Arc::clone(&head.cell),
        from,
        records,
    })
}

fn write_parts(
    core: &Core,
    id: u64,
    parts: &[Part],
    pace: &mut dyn FnMut(usize),
) -> io::Result<(Footer, u64)> {
    let shared = &core.shared;
    let mut writer = Writer::create(&*shared.disk, shared.key, id, pace)?;
    for part in parts {
        for cached in &part.records {
            writer.records(part.cell.id, cached, part.from)?;
        }
        writer.end_log(part.cell.id)?;
    }
    writer.finish()
}

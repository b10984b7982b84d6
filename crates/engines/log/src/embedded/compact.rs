//! Rewriting sealed files: small ones of one retention class become one, and what is dead in a mixed file goes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::background::Background;
use super::codec::as_usize;
use super::core::Core;
use super::limits::{MERGE_BYTES_MAX, MERGE_FILES};
use super::manifest::format::Edit;
use super::seal::Written;
use super::sealed::{OpenFile, Writer, name_of};
use super::state::{Extent, SealedFile};
use crate::{LogId, Offset};

impl Background {
    /// Rewrites what is most worth it, if anything is. Says whether it did.
    pub(super) fn compact(&mut self, core: &Core, pace: &mut dyn FnMut(usize)) -> bool {
        let Some((class, inputs)) = self.choose() else {
            return false;
        };
        let id = self.next_file;
        self.next_file += 1;
        match rewrite(core, &inputs, id, pace) {
            Ok((footer, len)) => {
                core.shared
                    .counters
                    .sealed_bytes_written
                    .fetch_add(len, Ordering::Relaxed);
                self.replace(core, &inputs, Written::new(id, class, footer, len))
            }
            Err(error) => {
                let _ = core.shared.disk.unlink(&name_of(id));
                self.failed(core, "sealed files cannot be merged", &error);
                if error.kind() == io::ErrorKind::InvalidData {
                    // Readers get what is still good in them; a rewrite would only spread the damage.
                    self.unmergeable.extend(&inputs);
                }
                false
            }
        }
    }

    fn choose(&self) -> Option<(u8, Vec<u64>)> {
        let usable = |file: &&Arc<SealedFile>| !self.unmergeable.contains(&file.id);
        let mut small: BTreeMap<(u8, u32), Vec<u64>> = BTreeMap::new();
        for file in self.files.values().filter(usable) {
            let live = file.live_len.load(Ordering::Relaxed);
            if file.live_extents.load(Ordering::Relaxed) > 0 && live < file.data_len / 2 {
                return Some((file.class, vec![file.id]));
            }
            if file.len <= MERGE_BYTES_MAX {
                // Alike in size: merging a large one with small ones again and again would rewrite it each time.
                let files = small
                    .entry((file.class, file.len.max(1).ilog2() / 3))
                    .or_default();
                files.push(file.id);
                if files.len() == MERGE_FILES {
                    return Some((file.class, std::mem::take(files)));
                }
            }
        }
        None
    }

    fn replace(&mut self, core: &Core, inputs: &[u64], written: Written) -> bool {
        let empty = written.footer.extents.is_empty();
        let mut edits: Vec<Edit> = inputs.iter().map(|id| Edit::FileRemoved(*id)).collect();
        if !empty {
            edits.push(written.edit());
        }
        if core.shared.disk.sync_dir().is_err() || !self.record(core, &edits) {
            self.discard(core, &[written]);
            return false;
        }
        let mut moved: BTreeMap<LogId, Vec<Extent>> = BTreeMap::new();
        written
            .extents()
            .for_each(|(log, extent)| moved.entry(log).or_default().push(extent));
        for (log, extents) in moved {
            if let Ok(cell) = core.shared.cell(log) {
                cell.lock().moved(&extents, inputs);
            }
        }
        if empty {
            self.discard(core, &[written]);
        } else {
            self.files.insert(written.file.id, written.file);
        }
        self.drop_files(core, inputs);
        core.shared.counters.compactions.fetch_add(1, Ordering::Relaxed);
        true
    }
}

/// Copies what is still wanted of `inputs` to a new file, block by block.
fn rewrite(
    core: &Core,
    inputs: &[u64],
    id: u64,
    pace: &mut dyn FnMut(usize),
) -> io::Result<(super::sealed::format::Footer, u64)> {
    let shared = &core.shared;
    let mut files = BTreeMap::new();
    for input in inputs {
        files.insert(*input, shared.footers.get(&*shared.disk, shared.key, *input)?);
    }
    let logs: BTreeSet<LogId> = files
        .values()
        .flat_map(|file| file.footer.extents.iter().map(|extent| extent.log))
        .collect();
    let mut writer = Writer::create(&*shared.disk, shared.key, id, pace)?;
    for log in logs {
        let Ok(cell) = shared.cell(log) else { continue };
        let (start, extents): (Offset, Vec<Extent>) = {
            let state = cell.lock();
            let mine = state
                .extents
                .iter()
                .filter(|extent| files.contains_key(&extent.file.id));
            (state.tail.start, mine.cloned().collect())
        };
        for extent in extents {
            if let Some(file) = files.get(&extent.file.id) {
                copy_extent(file, log, &extent, start, &mut writer)?;
            }
        }
        writer.end_log(log)?;
    }
    writer.finish()
}

fn copy_extent(
    file: &OpenFile,
    log: LogId,
    extent: &Extent,
    start: Offset,
    writer: &mut Writer<'_>,
) -> io::Result<()> {
    let Some(extent) = file.footer.extent(log, extent.first) else {
        return Ok(());
    };
    for info in file.footer.blocks_of(extent) {
        if info.first + u64::from(info.records) > start {
            let block = file.read(info.position, as_usize(u64::from(info.len)))?;
            writer.copy_block(extent, info, &block)?;
        }
    }
    Ok(())
}

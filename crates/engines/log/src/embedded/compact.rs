//! Rewriting sealed files: small ones of one retention class become one, and what is dead in a mixed file goes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::background::Background;
use super::codec::as_usize;
use super::core::Core;
use super::limits::{GROUP_READ_BYTES, MERGE_BYTES_MAX, MERGE_FILES};
use super::manifest::format::Edit;
use super::seal::Written;
use super::sealed::format::BlockInfo;
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
                if is_damage(&error) {
                    // Readers get what is still good in them; a rewrite would only spread the damage, or try again for ever.
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

/// Whether bytes are not what was written, or the device does not give them.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    ) || error.raw_os_error() == Some(libc::EIO)
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
        let file = shared.footers.get(&*shared.disk, shared.key, *input)?;
        files.insert(*input, Window::new(file));
    }
    let logs: BTreeSet<LogId> = files
        .values()
        .flat_map(|window| window.file.footer.extents.iter().map(|extent| extent.log))
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
            if let Some(window) = files.get_mut(&extent.file.id) {
                copy_extent(window, log, &extent, start, &mut writer)?;
            }
        }
        writer.end_log(log)?;
    }
    writer.finish()
}

/// The part of a file that is being copied: blocks are wanted in the file's order, so that each part is read once.
struct Window {
    file: Arc<OpenFile>,
    /// Where its blocks end.
    end: u64,
    position: u64,
    bytes: Bytes,
}

impl Window {
    fn new(file: Arc<OpenFile>) -> Self {
        let blocks = file.footer.blocks.iter();
        Self {
            end: blocks
                .map(|block| block.position + u64::from(block.len))
                .max()
                .unwrap_or(0),
            file,
            position: 0,
            bytes: Bytes::new(),
        }
    }

    fn block(&mut self, info: &BlockInfo) -> io::Result<Bytes> {
        let len = as_usize(u64::from(info.len));
        if let Some(block) = self.held(info.position, len) {
            return Ok(block);
        }
        let ahead = as_usize(self.end.saturating_sub(info.position)).min(GROUP_READ_BYTES);
        match self.file.read(info.position, ahead.max(len)) {
            Ok(bytes) => {
                (self.position, self.bytes) = (info.position, bytes);
                Ok(self.bytes.slice(..len))
            }
            // Something behind it may be unreadable.
            Err(_) => self.file.read(info.position, len),
        }
    }

    fn held(&self, position: u64, len: usize) -> Option<Bytes> {
        let begin = as_usize(position.checked_sub(self.position)?);
        let end = begin.checked_add(len)?;
        (end <= self.bytes.len()).then(|| self.bytes.slice(begin..end))
    }
}

fn copy_extent(
    window: &mut Window,
    log: LogId,
    extent: &Extent,
    start: Offset,
    writer: &mut Writer<'_>,
) -> io::Result<()> {
    let file = Arc::clone(&window.file);
    let Some(extent) = file.footer.extent(log, extent.first) else {
        return Ok(());
    };
    for info in file.footer.blocks_of(extent) {
        if info.first + u64::from(info.records) > start {
            let block = window.block(info)?;
            writer.copy_block(extent, info, &block)?;
        }
    }
    Ok(())
}

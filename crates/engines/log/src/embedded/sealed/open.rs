//! Open sealed files, and a bounded number of their footers.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::slice::from_ref;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use millrace_base::Timestamp;

use super::buffers::Buffers;
use super::format::{BlockInfo, ExtentInfo, Footer, TRAILER_BYTES, Trailer, decode_block_runs};
use super::groups::{Group, Groups, group_of, overhead, span_of};
use super::name_of;
use crate::batch::Budget;
use crate::disk::{Access, Disk, DiskFile};
use crate::embedded::codec::{as_u64, as_usize};
use crate::embedded::limits::{FOOTER_BYTES_MAX, OPEN_FILES_MAX};
use crate::embedded::manifest::format::{FORMAT_VERSION, FORMAT_VERSION_MIN};
use crate::{Entry, LogId, Offset};

/// A sealed file that can be read.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: Arc<dyn DiskFile>,
    pub(crate) footer: Footer,
    key: u64,
    id: u64,
    memory: Arc<Memory>,
}

/// What all files of a store share.
#[derive(Debug, Default)]
struct Memory {
    buffers: Buffers,
    groups: Groups,
}

/// Bytes that are not what was written.
fn damaged(detail: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail.into())
}

/// Why a block cannot be read, and what is in it.
#[derive(Debug, thiserror::Error)]
#[error("the block at byte {position} of {} {why}", name_of(*file))]
pub(crate) struct DamagedBlock {
    file: u64,
    position: u64,
    records: Range<Offset>,
    why: String,
}

impl DamagedBlock {
    /// The block that an error is about.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The records in it.
    pub(crate) fn range(&self) -> Range<Offset> {
        self.records.clone()
    }
}

/// A block that does not have its checksum.
fn unsound(file: u64, block: &BlockInfo) -> io::Error {
    about(
        file,
        block,
        io::ErrorKind::InvalidData,
        "does not have its checksum".to_owned(),
    )
}

/// A block that the disk does not give. That a file is gone has another meaning and is passed on.
fn unreadable(file: u64, block: &BlockInfo, error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound {
        return error;
    }
    about(file, block, error.kind(), format!("cannot be read: {error}"))
}

fn about(file: u64, block: &BlockInfo, kind: io::ErrorKind, why: String) -> io::Error {
    let records = block.first..block.first.saturating_add(u64::from(block.records));
    let position = block.position;
    io::Error::new(
        kind,
        DamagedBlock {
            file,
            position,
            records,
            why,
        },
    )
}

impl OpenFile {
    pub(crate) fn open(disk: &dyn Disk, key: u64, id: u64) -> io::Result<Self> {
        Self::open_with(disk, key, id, Arc::default())
    }

    fn open_with(disk: &dyn Disk, key: u64, id: u64, memory: Arc<Memory>) -> io::Result<Self> {
        let file = disk.open(&name_of(id), Access::ReadDirect)?;
        let len = file.len()?;
        let at = len
            .checked_sub(as_u64(TRAILER_BYTES))
            .ok_or_else(|| damaged("it is too short"))?;
        let bytes = memory.buffers.read(&*file, at, TRAILER_BYTES)?;
        let trailer = Trailer::decode(&bytes, len).ok_or_else(|| damaged("its trailer is unreadable"))?;
        if !(FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&trailer.version) {
            return Err(damaged(format!(
                "it has the unknown format version {}",
                trailer.version
            )));
        }
        if trailer.len > FOOTER_BYTES_MAX || trailer.file != id {
            return Err(damaged("its trailer belongs to another file"));
        }
        let bytes = memory
            .buffers
            .read(&*file, trailer.position, as_usize(trailer.len))?;
        let footer = Footer::decode(key, &trailer, &bytes)
            .ok_or_else(|| damaged("its footer does not have its checksum"))?;
        Ok(Self {
            file,
            footer,
            key,
            id,
            memory,
        })
    }

    /// The extent of `log` that begins with `first`, and its blocks.
    fn blocks(&self, log: LogId, first: Offset) -> io::Result<(&ExtentInfo, &[BlockInfo])> {
        let extent = self
            .footer
            .extent(log, first)
            .ok_or_else(|| damaged("the extent is not in it"))?;
        Ok((extent, self.footer.blocks_of(extent)))
    }

    /// Reads bytes of the file.
    pub(crate) fn read(&self, position: u64, len: usize) -> io::Result<Bytes> {
        self.memory.buffers.read(&*self.file, position, len)
    }

    /// The group of `block`, and which blocks it is; from memory or from disk. Where the disk cannot read it whole, it is
    /// that one block: what lies around a damaged spot is still good.
    fn group(
        &self,
        log: LogId,
        extent: &ExtentInfo,
        blocks: &[BlockInfo],
        block: usize,
    ) -> io::Result<(Arc<Group>, Range<usize>)> {
        let range = group_of(extent, blocks, block);
        let wanted = blocks.get(range.clone()).unwrap_or_default();
        let key = (self.id, wanted.first().map_or(0, |block| block.position));
        if let Some(group) = self.memory.groups.get(key) {
            return Ok((group, range));
        }
        let alone = block..block + 1;
        let group = match self.runs(log, wanted) {
            Ok(group) => Arc::new(group),
            Err(_) if range != alone => {
                let group = self.runs(log, blocks.get(alone.clone()).unwrap_or_default())?;
                return Ok((Arc::new(group), alone));
            }
            Err(error) => return Err(error),
        };
        // What is damaged is looked at anew each time: the disk may have erred.
        if group.iter().all(Option::is_some) {
            let cost = Buffers::cost(span_of(wanted)) + overhead(&group);
            self.memory.groups.put(key, Arc::clone(&group), cost);
        }
        Ok((group, range))
    }

    /// The runs of neighbouring blocks.
    fn runs(&self, log: LogId, blocks: &[BlockInfo]) -> io::Result<Group> {
        let position = blocks.first().map_or(0, |block| block.position);
        let bytes = self.read(position, span_of(blocks))?;
        let runs = blocks.iter().map(|block| {
            let begin = as_usize(block.position - position);
            let block = bytes.slice(begin..begin + as_usize(u64::from(block.len)));
            decode_block_runs(self.key, log, &block)
        });
        Ok(runs.collect())
    }

    /// Records of `log` from `from` on, as many as fit, out of the extent that begins with `first`.
    pub(crate) fn records(
        &self,
        log: LogId,
        first: Offset,
        from: Offset,
        budget: &mut Budget,
    ) -> io::Result<Vec<Entry>> {
        let (extent, blocks) = self.blocks(log, first)?;
        let mut at = blocks
            .partition_point(|block| block.first <= from)
            .saturating_sub(1);
        let mut entries = Vec::new();
        while at < blocks.len() && budget.open() {
            let (group, range) = match self.group(log, extent, blocks, at) {
                Ok(read) => read,
                // What lies before the damage is still good.
                Err(_) if !entries.is_empty() => return Ok(entries),
                Err(error) => return Err(unreadable(self.id, &blocks[at], error)),
            };
            for (block, runs) in blocks[range.clone()].iter().zip(&*group).skip(at - range.start) {
                match runs {
                    Some(runs) => runs
                        .iter()
                        .for_each(|run| run.collect(from, budget, &mut entries)),
                    None if !entries.is_empty() => return Ok(entries),
                    None => return Err(unsound(self.id, block)),
                }
            }
            at = range.end;
        }
        Ok(entries)
    }

    /// The first offset of that extent whose time is `time` or later. Retention asks every log for it again and again,
    /// so that it reads no more than a block, and mostly nothing.
    pub(crate) fn offset_at(&self, log: LogId, first: Offset, time: Timestamp) -> io::Result<Option<Offset>> {
        let (extent, blocks) = self.blocks(log, first)?;
        if extent.first_time >= time {
            return Ok(Some(extent.first));
        }
        let at = blocks.partition_point(|block| block.last_time < time);
        let Some(block) = blocks.get(at) else {
            return Ok(None);
        };
        let group = self.runs(log, from_ref(block));
        let group = group.map_err(|error| unreadable(self.id, block, error))?;
        let runs = group.first().and_then(Option::as_ref);
        let runs = runs.ok_or_else(|| unsound(self.id, block))?;
        Ok(runs.iter().find(|run| run.time >= time).map(|run| run.first))
    }
}

/// Keeps the files that were read last open, with their footers.
#[derive(Debug)]
pub(crate) struct FooterCache {
    bytes_max: usize,
    inner: Mutex<Inner>,
    memory: Arc<Memory>,
}

#[derive(Debug, Default)]
struct Inner {
    files: HashMap<u64, (Arc<OpenFile>, u64)>,
    bytes: usize,
    clock: u64,
}

impl FooterCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            inner: Mutex::default(),
            memory: Arc::default(),
        }
    }

    /// The file `id`, from memory or from disk.
    pub(crate) fn get(&self, disk: &dyn Disk, key: u64, id: u64) -> io::Result<Arc<OpenFile>> {
        {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.clock += 1;
            let now = inner.clock;
            if let Some((file, used)) = inner.files.get_mut(&id) {
                *used = now;
                return Ok(Arc::clone(file));
            }
        }
        // Two readers may load the same footer at once; that is cheaper than one waiting for the other's disk.
        let file = Arc::new(OpenFile::open_with(disk, key, id, Arc::clone(&self.memory))?);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = inner.clock;
        inner.bytes += file.footer.memory();
        if let Some((old, _)) = inner.files.insert(id, (Arc::clone(&file), now)) {
            inner.bytes -= old.footer.memory();
        }
        while inner.files.len() > 1 && (inner.bytes > self.bytes_max || inner.files.len() > OPEN_FILES_MAX) {
            let oldest = inner
                .files
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(id, _)| *id);
            oldest.into_iter().for_each(|id| inner.remove(id));
        }
        Ok(file)
    }

    /// Forgets a file that is about to be removed.
    pub(crate) fn forget(&self, id: u64) {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
    }
}

impl Inner {
    fn remove(&mut self, id: u64) {
        if let Some((file, _)) = self.files.remove(&id) {
            self.bytes -= file.footer.memory();
        }
    }
}

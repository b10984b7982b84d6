//! Open sealed files, and a bounded number of their footers.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use millrace_base::Timestamp;

use super::buffers::Buffers;
use super::format::{BlockInfo, Footer, TRAILER_BYTES, Trailer, decode_block_runs};
use super::name_of;
use crate::batch::Budget;
use crate::disk::{Access, Disk, DiskFile, read_exact};
use crate::embedded::codec::{as_u64, as_usize};
use crate::embedded::limits::{FOOTER_BYTES_MAX, OPEN_FILES_MAX, READ_BUFFER_BYTES};
use crate::embedded::manifest::format::FORMAT_VERSION;
use crate::embedded::state::Cached;
use crate::{Entry, LogId, Offset};

/// A sealed file that can be read.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: Arc<dyn DiskFile>,
    pub(crate) footer: Footer,
    key: u64,
    buffers: Buffers,
}

/// Bytes that are not what was written.
fn damaged(detail: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail.into())
}

impl OpenFile {
    pub(crate) fn open(disk: &dyn Disk, key: u64, id: u64) -> io::Result<Self> {
        Self::open_with(disk, key, id, Buffers::default())
    }

    fn open_with(disk: &dyn Disk, key: u64, id: u64, buffers: Buffers) -> io::Result<Self> {
        let file = disk.open(&name_of(id), Access::Read)?;
        let len = file.len()?;
        let mut bytes = [0; TRAILER_BYTES];
        let at = len
            .checked_sub(as_u64(TRAILER_BYTES))
            .ok_or_else(|| damaged("it is too short"))?;
        read_exact(&*file, &mut bytes, at)?;
        let trailer = Trailer::decode(&bytes, len).ok_or_else(|| damaged("its trailer is unreadable"))?;
        if trailer.version != FORMAT_VERSION {
            return Err(damaged(format!(
                "it has the unknown format version {}",
                trailer.version
            )));
        }
        if trailer.len > FOOTER_BYTES_MAX || trailer.file != id {
            return Err(damaged("its trailer belongs to another file"));
        }
        let mut bytes = vec![0; as_usize(trailer.len)];
        read_exact(&*file, &mut bytes, trailer.position)?;
        let footer = Footer::decode(key, &trailer, &bytes)
            .ok_or_else(|| damaged("its footer does not have its checksum"))?;
        Ok(Self {
            file,
            footer,
            key,
            buffers,
        })
    }

    /// The blocks of the extent of `log` that begins with `first`.
    fn blocks(&self, log: LogId, first: Offset) -> io::Result<&[BlockInfo]> {
        let extent = self
            .footer
            .extent(log, first)
            .ok_or_else(|| damaged("the extent is not in it"))?;
        Ok(self.footer.blocks_of(extent))
    }

    /// Reads bytes that lie together.
    pub(crate) fn read(&self, position: u64, len: usize) -> io::Result<Bytes> {
        let mut buffer = self.buffers.take(len);
        read_exact(&*self.file, buffer.as_mut_slice(), position)?;
        Ok(buffer.freeze())
    }

    fn runs(&self, log: LogId, info: &BlockInfo, block: &Bytes) -> io::Result<Vec<Cached>> {
        decode_block_runs(self.key, log, block).ok_or_else(|| {
            damaged(format!(
                "the block at {} does not have its checksum",
                info.position
            ))
        })
    }

    /// Records of `log` from `from` on, as many as fit, out of the extent that begins with `first`; several
    /// blocks are read together.
    pub(crate) fn records(
        &self,
        log: LogId,
        first: Offset,
        from: Offset,
        budget: &mut Budget,
    ) -> io::Result<Vec<Entry>> {
        let blocks = self.blocks(log, first)?;
        let begin = blocks
            .partition_point(|block| block.first <= from)
            .saturating_sub(1);
        let mut blocks = blocks.get(begin..).unwrap_or_default();
        let mut entries = Vec::new();
        while let (Some(first), true) = (blocks.first(), budget.open()) {
            let (now, later) = blocks.split_at(together(blocks, budget.bytes()));
            blocks = later;
            let mut bytes = self.read(first.position, now.iter().map(len).sum())?;
            for info in now {
                let block = bytes.split_to(len(info));
                match self.runs(log, info, &block) {
                    Ok(runs) => runs
                        .iter()
                        .for_each(|run| run.collect(from, budget, &mut entries)),
                    // What lies before the damage is still good.
                    Err(_) if !entries.is_empty() => return Ok(entries),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(entries)
    }

    /// The first offset of that extent whose time is `time` or later.
    pub(crate) fn offset_at(&self, log: LogId, first: Offset, time: Timestamp) -> io::Result<Option<Offset>> {
        let blocks = self.blocks(log, first)?;
        let Some(info) = blocks.get(blocks.partition_point(|block| block.last_time < time)) else {
            return Ok(None);
        };
        let block = self.read(info.position, as_usize(u64::from(info.len)))?;
        let runs = self.runs(log, info, &block)?;
        Ok(runs.iter().find(|run| run.time >= time).map(|run| run.first))
    }
}

fn len(block: &BlockInfo) -> usize {
    as_usize(u64::from(block.len))
}

/// How many blocks to read at once, for `wanted` bytes of records: at least one, else what fits in a buffer.
fn together(blocks: &[BlockInfo], wanted: usize) -> usize {
    let mut sum = 0;
    let fits = blocks.iter().take_while(|block| {
        let before = sum;
        sum += len(block);
        before == 0 || (before <= wanted && sum <= READ_BUFFER_BYTES)
    });
    fits.count()
}

/// Keeps the files that were read last open, with their footers.
#[derive(Debug)]
pub(crate) struct FooterCache {
    bytes_max: usize,
    inner: Mutex<Inner>,
    buffers: Buffers,
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
            buffers: Buffers::default(),
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
        let file = Arc::new(OpenFile::open_with(disk, key, id, self.buffers.clone())?);
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

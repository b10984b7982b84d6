//! Writes a sealed file from front to back, in pieces, so that no more than a piece is in memory.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use millrace_base::Timestamp;

use super::format::{self, BLOCK_HEADER_BYTES, BlockInfo, ExtentInfo, Footer};
use super::name_of;
use crate::LogId;
use crate::Offset;
use crate::disk::{Access, Disk, DiskFile, Gather};
use crate::embedded::codec::{as_u32, as_u64};
use crate::embedded::limits::{ALIGN, BLOCK_BYTES, PIECE_BYTES, SYNC_BYTES};
use crate::embedded::state::Cached;
use crate::limits::IN_PLACE_BYTES_MAX;

/// See the module. Logs come in ascending order, each log's records in theirs.
pub(crate) struct Writer<'a> {
    file: Arc<dyn DiskFile>,
    key: u64,
    pub(crate) id: u64,
    pace: &'a mut dyn FnMut(usize),
    /// What comes behind `written`, which is a multiple of `ALIGN`; the block that is being built stands at its end.
    piece: Gather,
    written: u64,
    unsynced: usize,
    footer: Footer,
    extent: Option<ExtentInfo>,
    block: Option<OpenBlock>,
}

/// The block that is being built.
struct OpenBlock {
    /// Where it begins in what was copied to the piece.
    begin: usize,
    /// Where it begins in the file.
    position: u64,
    first: Offset,
    last_time: Timestamp,
    records: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn create(
        disk: &dyn Disk,
        key: u64,
        id: u64,
        pace: &'a mut dyn FnMut(usize),
    ) -> io::Result<Self> {
        Ok(Self {
            file: disk.open(&name_of(id), Access::CreateDirect)?,
            key,
            id,
            pace,
            piece: Gather::default(),
            written: 0,
            unsynced: 0,
            footer: Footer::default(),
            extent: None,
            block: None,
        })
    }

    /// Adds records of `log` from `from` on.
    pub(crate) fn records(&mut self, log: LogId, cached: &Cached, from: Offset) -> io::Result<()> {
        let mut index = usize::try_from(from.saturating_sub(cached.first)).unwrap_or(usize::MAX);
        if let Some(crc) = cached.in_place
            && index == 0
            && cached.bytes.len() <= IN_PLACE_BYTES_MAX
        {
            return self.in_place(log, cached, crc);
        }
        while index < cached.ends.len() {
            let filled = self
                .block
                .as_ref()
                .map_or(0, |block| self.piece.own().len() - block.begin);
            let room = BLOCK_BYTES.saturating_sub(filled);
            let base = if index == 0 { 0 } else { cached.ends[index - 1] };
            let fits = cached.ends[index..].partition_point(|end| {
                usize::try_from(*end - base).is_ok_and(|bytes| format::run_bytes(1, bytes) <= room)
            });
            if fits == 0 && filled > 0 {
                self.end_block(log)?;
                continue;
            }
            let upto = index + fits.max(1);
            self.run(log, cached, index, upto, base);
            index = upto;
        }
        Ok(())
    }

    fn run(&mut self, log: LogId, cached: &Cached, index: usize, upto: usize, base: u32) {
        let first = cached.first + as_u64(index);
        let ends = cached.ends[index..upto].iter().map(|end| end - base);
        let begin = usize::try_from(base).unwrap_or(usize::MAX);
        let end = usize::try_from(cached.ends[upto - 1]).unwrap_or(usize::MAX);
        self.extend(
            log,
            first,
            first + as_u64(upto - index),
            cached.time,
            cached.time,
            as_u64(end - begin),
        );
        let (piece, written) = (&mut self.piece, self.written);
        let block = self.block.get_or_insert_with(|| {
            let (begin, position) = (piece.own().len(), written + as_u64(piece.len()));
            piece.zeros(BLOCK_HEADER_BYTES);
            OpenBlock {
                begin,
                position,
                first,
                last_time: cached.time,
                records: 0,
            }
        });
        block.last_time = cached.time;
        block.records += upto - index;
        piece.extend(&format::run_head((first, cached.time), ends, end - begin));
        piece.extend(&cached.bytes[begin..end]);
    }

    /// Makes a batch one block whose records are written from where they lie.
    fn in_place(&mut self, log: LogId, cached: &Cached, crc: u32) -> io::Result<()> {
        self.end_block(log)?;
        let head = BLOCK_HEADER_BYTES + format::run_bytes(cached.ends.len(), 0);
        self.piece.zeros(self.piece.gap(head));
        let (first, time, bytes) = (cached.first, cached.time, &cached.bytes);
        self.extend(log, first, cached.end(), time, time, as_u64(bytes.len()));
        let run = format::run_head((first, time), cached.ends.iter().copied(), bytes.len());
        self.footer.blocks.push(BlockInfo {
            first,
            last_time: time,
            position: self.written + as_u64(self.piece.len()),
            len: as_u32(head + bytes.len()),
            records: as_u32(cached.ends.len()),
        });
        self.piece.extend(&format::block_header(
            self.key,
            log,
            &run,
            Some((crc, bytes.len())),
        ));
        self.piece.extend(&run);
        self.piece.lend(bytes);
        self.flush_if_full()
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one extent")]
    fn extend(&mut self, log: LogId, first: u64, end: u64, from: Timestamp, to: Timestamp, bytes: u64) {
        let position = self.written + as_u64(self.piece.len());
        let block_from = as_u32(self.footer.blocks.len());
        let extent = self.extent.get_or_insert(ExtentInfo {
            log,
            first,
            end,
            first_time: from,
            last_time: to,
            position,
            len: 0,
            bytes: 0,
            block_from,
            blocks: 0,
        });
        (extent.end, extent.last_time) = (end, to);
        extent.bytes += bytes;
    }

    fn end_block(&mut self, log: LogId) -> io::Result<()> {
        let Some(block) = self.block.take() else {
            return Ok(());
        };
        let bytes = self.piece.own_mut().get_mut(block.begin..).unwrap_or_default();
        if let Some((header, payload)) = bytes.split_first_chunk_mut() {
            *header = format::block_header(self.key, log, payload, None);
        }
        self.footer.blocks.push(BlockInfo {
            first: block.first,
            last_time: block.last_time,
            position: block.position,
            len: as_u32(bytes.len()),
            records: as_u32(block.records),
        });
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        if self.piece.len() >= PIECE_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Adds one block of another file as it is.
    pub(crate) fn copy_block(
        &mut self,
        extent: &ExtentInfo,
        info: &BlockInfo,
        block: &Bytes,
    ) -> io::Result<()> {
        if !format::block_is_sound(self.key, extent.log, block) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a block does not have its checksum",
            ));
        }
        if self.extent.as_ref().is_some_and(|open| open.end != info.first) {
            // Another file holds what is between.
            self.end_log(extent.log)?;
        }
        let end = info.first + u64::from(info.records);
        let bytes = u64::from(info.len);
        self.extend(
            extent.log,
            info.first,
            end,
            extent.first_time,
            info.last_time,
            bytes,
        );
        self.footer.blocks.push(BlockInfo {
            position: self.written + as_u64(self.piece.len()),
            ..*info
        });
        self.piece.extend(block);
        self.flush_if_full()
    }

    /// Ends the log's extent.
    pub(crate) fn end_log(&mut self, log: LogId) -> io::Result<()> {
        self.end_block(log)?;
        if let Some(mut extent) = self.extent.take() {
            extent.blocks = as_u32(self.footer.blocks.len()).saturating_sub(extent.block_from);
            extent.len = self.written + as_u64(self.piece.len()) - extent.position;
            self.footer.extents.push(extent);
        }
        Ok(())
    }

    /// Writes the whole blocks of the piece.
    fn flush(&mut self) -> io::Result<()> {
        self.file
            .write_pieces_at(&self.piece.whole_blocks(), self.written)?;
        let len = self.piece.drop_whole_blocks();
        self.written += as_u64(len);
        self.unsynced += len;
        if self.unsynced >= SYNC_BYTES {
            // In small portions, so that no burst of them stands before the next commit.
            self.unsynced = 0;
            self.file.sync()?;
        }
        (self.pace)(len);
        Ok(())
    }

    /// Writes footer and trailer and makes the file's bytes durable; its name is the caller's to sync.
    pub(crate) fn finish(mut self) -> io::Result<(Footer, u64)> {
        // Zeros before the footer make the file end with a whole block.
        let len = self.piece.len() + self.footer.encoded_len();
        self.piece.zeros(len.next_multiple_of(ALIGN) - len);
        let position = self.written + as_u64(self.piece.len());
        self.piece
            .extend(&self.footer.encode(self.key, self.id, position));
        self.flush()?;
        self.file.sync()?;
        Ok((self.footer, self.written))
    }
}

//! The segments of the write-ahead log: one is written, older ones wait to be sealed, free ones wait to be used.
//!
//! Every segment is filled with zeros before its first use and used again afterwards, so that an append never
//! allocates. Each opening of the store begins a fresh segment: nothing is ever written behind a torn tail.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::codec::as_u64;
use super::commit::is_full;
use super::limits::{ALIGN, META_RESERVE_SHARE};
use crate::disk::{Access, AlignedBuf, Disk, DiskFile, allocate};

const PREFIX: &str = "wal-";

/// A file of the write-ahead log.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// How much of what a segment keeps for batches without records must stay free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    All,
    Half,
    Nothing,
}

/// The segment that is being written.
#[derive(Debug)]
struct Active {
    segment: Segment,
    file: Arc<dyn DiskFile>,
    position: u64,
    segment_gen: u64,
    /// Begun without room to seal what it takes: only for what cannot wait.
    tight: bool,
}

impl Active {
    /// Takes back what a write left that found the disk full: it may be a whole batch but for some zeros. The next one
    /// has its number and may go to another segment, and recovery should not find both. Where even that finds the disk
    /// full, recovery takes the one of the later use of a segment.
    fn erase(&self, sync: bool) -> io::Result<()> {
        let nothing = AlignedBuf::zeroed(ALIGN);
        match self.file.write_at(nothing.as_slice(), self.position) {
            Err(error) if is_full(&error) => return Ok(()),
            written => written?,
        }
        if sync && !self.file.writes_through() {
            self.file.sync()?;
        }
        Ok(())
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Ring {
    disk: Arc<dyn Disk>,
    direct: bool,
    /// Sizes of the first and of a full-grown segment.
    first_bytes: u64,
    segment_bytes: u64,
    active: Option<Active>,
    /// Segments that hold batches which are in no file yet, oldest first, with their last batch.
    used: VecDeque<(Segment, u64)>,
    free: Vec<Segment>,
    next_number: u64,
    next_gen: u64,
}

/// The number in a segment's name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(PREFIX)?, 16).ok()
}

/// Makes a segment full of zeros; it appears under its name only when it is complete and durable.
pub(super) fn make_segment(
    disk: &dyn Disk,
    number: u64,
    bytes: u64,
    pace: impl FnMut(usize),
) -> io::Result<Segment> {
    let name = format!("{PREFIX}{number:08x}");
    // A name of its own: the committer may make a segment while the background makes another.
    let aside = format!("{name}.tmp");
    match disk.unlink(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let made = allocate(&*disk.open(&aside, Access::CreateDirect)?, bytes, pace);
    if let Err(error) = made {
        // Give the space back; a leftover goes at the next start at the latest.
        let _ = disk.unlink(&aside);
        return Err(error);
    }
    disk.rename(&aside, &name)?;
    disk.sync_dir()?;
    Ok(Segment { name, bytes })
}

impl Ring {
    /// `used` with their last batches, oldest first, and `free` are what recovery found.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        epoch: u64,
        direct: bool,
        (first_bytes, segment_bytes): (u64, u64),
        used: VecDeque<(Segment, u64)>,
        free: Vec<Segment>,
    ) -> Self {
        let numbers = used.iter().map(|(segment, _)| segment).chain(&free);
        let next_number = numbers
            .filter_map(|segment| number_of(&segment.name))
            .max()
            .map_or(1, |n| n + 1);
        let first_bytes = first_bytes
            .max(16 * as_u64(ALIGN))
            .next_multiple_of(as_u64(ALIGN));
        let segment_bytes = segment_bytes.max(first_bytes).next_multiple_of(as_u64(ALIGN));
        Self {
            disk,
            direct,
            first_bytes,
            segment_bytes,
            active: None,
            used,
            free,
            next_number,
            next_gen: epoch << 20,
        }
    }

    /// Makes `len` bytes fit behind the last batch, `last_seq`; goes to another segment if they do not, while there is
    /// room on the disk to seal that one and `unsealed` bytes besides.
    ///
    /// # Errors
    /// A full disk or too many open files, when there is no free segment; nothing has changed then.
    pub(super) fn make_room(
        &mut self,
        len: usize,
        last_seq: u64,
        (keep, unsealed): (Kept, u64),
    ) -> io::Result<()> {
        let kept = self.first_bytes / META_RESERVE_SHARE;
        let reserve = match keep {
            Kept::All => kept,
            Kept::Half => kept / 2,
            Kept::Nothing => 0,
        };
        let len = as_u64(len);
        let may = |active: &Active| keep != Kept::All || !active.tight;
        if self
            .active
            .as_ref()
            .is_some_and(|a| may(a) && a.position + len + reserve <= a.segment.bytes)
        {
            return Ok(());
        }
        let needed = len + kept;
        let known = self.free.iter().position(|segment| segment.bytes >= needed);
        let made = needed.next_multiple_of(self.first_bytes);
        let (grows, taken) = match known.and_then(|at| self.free.get(at)) {
            Some(segment) => (0, segment.bytes),
            None => (made, made),
        };
        let tight = !self.leaves_room(grows + taken, unsealed)?;
        if tight && keep == Kept::All {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let segment = match known {
            Some(at) => self.free.swap_remove(at),
            // Small, because appends wait meanwhile: the background makes the large ones.
            None => self.make(made)?,
        };
        let access = if self.direct {
            Access::Direct
        } else {
            Access::Update
        };
        let file = match self.disk.open(&segment.name, access) {
            Ok(file) => file,
            Err(error) => {
                self.free.push(segment);
                return Err(error);
            }
        };
        if let Some(old) = self.active.take() {
            self.used.push_back((old.segment, last_seq));
        }
        self.active = Some(Active {
            segment,
            file,
            position: 0,
            segment_gen: self.next_gen,
            tight,
        });
        self.next_gen += 1;
        Ok(())
    }

    /// Whether what is unsealed still fits the disk when `more` bytes are on it: space comes back only behind a
    /// sealing, which first needs some. In a file small records take more than their bytes, but no more than in the
    /// log; a first segment's size is for footers and the MANIFEST.
    pub(super) fn leaves_room(&self, more: u64, unsealed: u64) -> io::Result<bool> {
        let used: u64 = self.used.iter().map(|(segment, _)| segment.bytes).sum();
        let used = used + self.active.as_ref().map_or(0, |active| active.position);
        let sealed = unsealed.saturating_mul(2).min(used);
        let needed = more.saturating_add(sealed).saturating_add(self.first_bytes);
        Ok(self.disk.free_bytes()?.is_none_or(|free| free >= needed))
    }

    fn make(&mut self, bytes: u64) -> io::Result<Segment> {
        let segment = make_segment(&*self.disk, self.next_number, bytes, |_| {})?;
        self.next_number += 1;
        Ok(segment)
    }

    /// The generation under which the next batch is written.
    pub(super) fn segment_gen(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.segment_gen)
    }

    /// Writes one batch of `bytes` bytes, durably if `sync`. After an error other than a full disk nothing may be written any more.
    pub(super) fn write(&mut self, batch: &[&[u8]], bytes: u64, sync: bool) -> io::Result<()> {
        let active = self.active.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if let Err(error) = active.file.write_pieces_at(batch, active.position) {
            if is_full(&error) {
                active.erase(sync).map_err(io::Error::other)?;
            }
            return Err(error);
        }
        if sync && !active.file.writes_through() {
            active.file.sync().map_err(io::Error::other)?;
        }
        active.position += bytes;
        Ok(())
    }

    /// Every batch up to `seq` is in a file, and the MANIFEST says so: yields the segments to remove.
    pub(super) fn release(&mut self, seq: u64) -> Vec<Segment> {
        while self.used.front().is_some_and(|(_, last)| *last <= seq) {
            self.free
                .extend(self.used.pop_front().map(|(segment, _)| segment));
        }
        // Keep the largest: two full segments are enough to never wait for one.
        self.free.sort_by_key(|segment| std::cmp::Reverse(segment.bytes));
        let mut keep = 2 * self.segment_bytes;
        let kept = self.free.iter().take_while(|segment| {
            let fits = segment.bytes <= keep;
            keep = keep.saturating_sub(segment.bytes);
            fits
        });
        let kept = kept.count();
        self.free.split_off(kept)
    }

    /// The number and size of the segment the background should make now, if any.
    pub(super) fn wanted(&mut self) -> Option<(u64, u64)> {
        let active = self.active.as_ref().filter(|_| self.is_short())?;
        let bytes = (active.segment.bytes * 4).min(self.segment_bytes);
        self.next_number += 1;
        Some((self.next_number - 1, bytes))
    }

    /// Whether a segment should be made. A store that is hardly written to never gets a second one.
    pub(super) fn is_short(&self) -> bool {
        self.active.as_ref().is_some_and(|active| {
            let bytes = active.segment.bytes;
            active.position >= bytes / 4
                && !self
                    .free
                    .iter()
                    .any(|free| free.bytes >= bytes.min(self.segment_bytes))
        })
    }

    pub(super) fn add_free(&mut self, segment: Segment) {
        self.free.push(segment);
    }

    /// Segments that wait to be sealed.
    pub(super) fn used(&self) -> usize {
        self.used.len()
    }

    /// Makes what was written without waiting for the device durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.active.as_ref().map_or(Ok(()), |active| active.file.sync())
    }
}

//! Memory to read files into, used again and again: fresh memory costs a read a page fault and a zeroing per page,
//! which is more than reading itself.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::disk::{AlignedBuf, DiskFile, read_blocks};
use crate::embedded::limits::{ALIGN, GROUP_READ_BYTES, READ_BUFFERS_MAX};
use crate::limits::IN_PLACE_BYTES_MAX;

/// Bytes of a buffer: a group of blocks, the block with which it passes its size, what stands before the records there,
/// and what alignment adds.
const BUFFER_BYTES: usize = GROUP_READ_BYTES + IN_PLACE_BYTES_MAX + 4 * ALIGN;

/// Whether a read is worth a buffer of the pool: what is much smaller must not hold so much memory, and what is larger
/// served one large record.
fn is_pooled(len: usize) -> bool {
    (BUFFER_BYTES / 2..=BUFFER_BYTES - 2 * ALIGN).contains(&len)
}

/// Buffers that nobody holds at the moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<AlignedBuf>>>);

/// Bytes of a file in a buffer that returns when its last reader is gone.
#[derive(Debug)]
struct Filled {
    buffer: AlignedBuf,
    range: Range<usize>,
    home: Buffers,
}

impl Buffers {
    /// Reads `len` bytes at `position`.
    pub(super) fn read(&self, file: &dyn DiskFile, position: u64, len: usize) -> io::Result<Bytes> {
        let mut filled = Filled {
            buffer: self.take(len),
            range: 0..0,
            home: self.clone(),
        };
        filled.range = read_blocks(file, &mut filled.buffer, position, len)?;
        Ok(Bytes::from_owner(filled))
    }

    /// Bytes of memory that a read of `len` bytes holds.
    pub(super) fn cost(len: usize) -> usize {
        if is_pooled(len) {
            BUFFER_BYTES
        } else {
            len + 2 * ALIGN
        }
    }

    fn take(&self, len: usize) -> AlignedBuf {
        let mut buffer = AlignedBuf::default();
        if is_pooled(len) {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
            buffer = kept.unwrap_or_default();
            buffer.reserve_total(BUFFER_BYTES);
        }
        buffer
    }

    fn give_back(&self, buffer: AlignedBuf) {
        if buffer.capacity() == BUFFER_BYTES + ALIGN {
            let mut home = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if home.len() < READ_BUFFERS_MAX {
                home.push(buffer);
            }
        }
    }
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_slice().get(self.range.clone()).unwrap_or_default()
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        self.home.give_back(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;
    use crate::disk::{Access, Disk as _};

    fn file(bytes: usize) -> Arc<dyn DiskFile> {
        let disk = SimDisk::new(1, false);
        disk.put("x", (0..=250u8).cycle().take(bytes).collect());
        disk.open("x", Access::ReadDirect).unwrap()
    }

    #[test]
    fn a_buffer_returns_when_the_last_slice_is_gone() {
        let (buffers, file) = (Buffers::default(), file(3 * BUFFER_BYTES));
        let free = || buffers.0.lock().unwrap().len();
        let bytes = buffers.read(&*file, 100, GROUP_READ_BYTES).unwrap();
        let slice = bytes.slice(1..3);
        drop(bytes);
        assert_eq!((&slice[..], free()), (&[101, 102][..], 0));
        drop(slice);
        assert_eq!(free(), 1);
        for len in [3, 2 * BUFFER_BYTES] {
            let bytes = buffers.read(&*file, 4095, len).unwrap();
            assert_eq!((bytes[0], bytes.len(), free()), (79, len, 1));
            drop(bytes);
            assert_eq!(free(), 1, "one of another size is not kept");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (buffers, file) = (Buffers::default(), file(BUFFER_BYTES));
        let many: Vec<_> = (0..READ_BUFFERS_MAX + 3)
            .map(|_| buffers.read(&*file, 0, GROUP_READ_BYTES).unwrap())
            .collect();
        drop(many);
        assert_eq!(buffers.0.lock().unwrap().len(), READ_BUFFERS_MAX);
        assert!(buffers.read(&*file, 200_000, GROUP_READ_BYTES).is_err());
        assert_eq!(buffers.0.lock().unwrap().len(), READ_BUFFERS_MAX);
    }
}

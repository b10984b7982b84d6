//! Memory to read files into, used again and again: fresh memory costs a read a page fault and a zeroing per page,
//! which is more than the copy out of the operating system's cache.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::embedded::limits::{READ_BUFFER_BYTES, READ_BUFFERS_MAX};

/// Buffers of `READ_BUFFER_BYTES` that nobody holds at the moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer that returns when its last reader is gone.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    len: usize,
    home: Buffers,
}

impl Buffers {
    /// A buffer of `len` bytes; what stands in it is left from earlier.
    pub(super) fn take(&self, len: usize) -> Buffer {
        let kept = if len <= READ_BUFFER_BYTES {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
        } else {
            None
        };
        Buffer {
            bytes: kept.unwrap_or_else(|| vec![0; len.max(READ_BUFFER_BYTES)]),
            len,
            home: self.clone(),
        }
    }
}

impl Buffer {
    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }

    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // A larger one served one large record; it is not worth its memory.
        if self.bytes.len() != READ_BUFFER_BYTES {
            return;
        }
        let mut home = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if home.len() < READ_BUFFERS_MAX {
            home.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_returns_when_the_last_slice_is_gone() {
        let buffers = Buffers::default();
        let free = |buffers: &Buffers| buffers.0.lock().unwrap().len();
        let mut buffer = buffers.take(3);
        buffer.as_mut_slice().copy_from_slice(b"abc");
        let bytes = buffer.freeze();
        let slice = bytes.slice(1..);
        drop(bytes);
        assert_eq!((&slice[..], free(&buffers)), (&b"bc"[..], 0));
        drop(slice);
        assert_eq!(free(&buffers), 1);
        assert_eq!(buffers.take(READ_BUFFER_BYTES).as_ref().len(), READ_BUFFER_BYTES);
        assert_eq!(free(&buffers), 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let buffers = Buffers::default();
        let many: Vec<_> = (0..READ_BUFFERS_MAX + 3).map(|_| buffers.take(1)).collect();
        let large = buffers.take(READ_BUFFER_BYTES + 1);
        assert_eq!(large.as_ref().len(), READ_BUFFER_BYTES + 1);
        drop((many, large));
        assert_eq!(buffers.0.lock().unwrap().len(), READ_BUFFERS_MAX);
    }
}

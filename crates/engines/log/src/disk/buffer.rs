//! A growable buffer whose bytes start at a multiple of 4096, as O_DIRECT demands.

use super::DIRECT_ALIGN as ALIGN;

/// Bytes at an aligned address.
#[derive(Debug, Default)]
pub struct AlignedBuf {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuf {
    /// `len` zeros.
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        let mut buffer = Self::default();
        buffer.resize(len);
        buffer
    }

    /// Forgets the content, keeps the memory unless it is larger than `keep`.
    pub fn clear(&mut self, keep: usize) {
        if self.memory.len() > keep + ALIGN {
            *self = Self::default();
        }
        self.len = 0;
    }

    /// Makes sure that `total` bytes fit without moving again.
    pub fn reserve_total(&mut self, total: usize) {
        if self.start + total <= self.memory.len() && !self.memory.is_empty() {
            return;
        }
        let mut memory = vec![0; total.max(ALIGN) + ALIGN];
        let start = memory.as_ptr().align_offset(ALIGN).min(ALIGN);
        memory[start..start + self.len].copy_from_slice(self.as_slice());
        (self.memory, self.start) = (memory, start);
    }

    /// Sets the length; new bytes are zero.
    pub fn resize(&mut self, len: usize) {
        if len > self.len {
            self.reserve_total(len);
            self.memory[self.start + self.len..self.start + len].fill(0);
        }
        self.len = len;
    }

    /// Sets the length; new bytes are whatever stood there, for somebody who overwrites them all.
    pub fn resize_stale(&mut self, len: usize) {
        self.reserve_total(len);
        self.len = len;
    }

    /// Removes the first `count` bytes; what is left moves to the front.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.len);
        self.memory
            .copy_within(self.start + count..self.start + self.len, self.start);
        self.len -= count;
    }

    /// Bytes of memory it holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// Appends bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        let len = self.len + bytes.len();
        if self.memory.is_empty() || self.start + len > self.memory.len() {
            self.reserve_total(len.max(self.memory.len() * 2));
        }
        self.memory[self.start + self.len..self.start + len].copy_from_slice(bytes);
        self.len = len;
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    /// The bytes, to change.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_aligned_while_they_grow() {
        let mut buffer = AlignedBuf::default();
        let mut expected = Vec::new();
        for i in 0..2000u32 {
            buffer.extend(&i.to_le_bytes());
            expected.extend_from_slice(&i.to_le_bytes());
            assert_eq!(buffer.as_slice().as_ptr().align_offset(ALIGN), 0);
        }
        buffer.resize(12_288);
        expected.resize(12_288, 0);
        assert_eq!(buffer.as_slice(), expected);
        buffer.consume(5000);
        assert_eq!(buffer.as_slice(), &expected[5000..]);
        assert_eq!(buffer.as_slice().as_ptr().align_offset(ALIGN), 0);
        buffer.resize_stale(20_000);
        assert_eq!(
            (buffer.len(), &buffer.as_slice()[..10]),
            (20_000, &expected[5000..5010])
        );
        buffer.consume(30_000);
        assert!(buffer.is_empty());
        buffer.clear(0);
        buffer.resize(10);
        assert_eq!(buffer.as_slice(), [0; 10]);
    }
}

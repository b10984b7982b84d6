//! Little-endian fields, and checksums that a record's author cannot foresee.

use crate::crc;
use crate::log::Ends;

/// Reads fields from the front of a slice; `None` when it is too short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A `u32` length or count, as an index.
    pub(super) fn len(&mut self) -> Option<usize> {
        self.u32().and_then(|n| usize::try_from(n).ok())
    }

    /// `count` numbers; allocates only what is really there.
    pub(super) fn u32s(&mut self, count: usize) -> Option<Ends> {
        let bytes = self.bytes(count.checked_mul(4)?)?;
        Some(
            bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b))
                .collect(),
        )
    }
}

/// CRC-32C of `parts`, begun with the store's secret: only this store can make bytes that pass.
pub(super) fn keyed_crc(key: u64, parts: &[&[u8]]) -> u32 {
    let mut crc = Keyed::new(key);
    parts.iter().for_each(|part| crc.add(part));
    crc.finish()
}

/// [`keyed_crc`], part by part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed(u32);

impl Keyed {
    pub(super) fn new(key: u64) -> Self {
        Self(crc32c::crc32c(&key.to_le_bytes()))
    }

    pub(super) fn add(&mut self, part: &[u8]) {
        self.0 = crc32c::crc32c_append(self.0, part);
    }

    /// Adds a part whose own checksum is known.
    pub(super) fn add_known(&mut self, crc: u32, bytes: usize) {
        self.0 = crc::joined(self.0, crc, bytes);
    }

    pub(super) fn finish(self) -> u32 {
        self.0
    }
}

/// A length that was checked against a bound below 4 GiB, as it is stored.
pub(super) fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A length in memory, as it is stored.
pub(super) fn as_u64(n: usize) -> u64 {
    n as u64
}

/// A stored position or length, as an index; the largest one where it does not fit.
pub(super) fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

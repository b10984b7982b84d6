//! Bytes of the write-ahead log. Drawn in `docs/design/log-format.md`.
//!
//! A segment is a row of batches, each starting at a multiple of 4096. A batch is a 64-byte header and a body of
//! entries; it is one write, so it is there as a whole (both checksums pass) or not at all.

use bytes::Bytes;
use millrace_base::Timestamp;

use super::codec::{Fields, Keyed, as_u32, as_u64, as_usize, keyed_crc};
use super::limits::{ALIGN, WAL_BODY_MAX};
use crate::batch::ends_fit;
use crate::disk::Gather;
use crate::log::Ends;
use crate::{Batch, LogId, Offset};

/// Bytes of a batch header.
pub(super) const HEADER_BYTES: usize = 64;
/// "MRWB" read as little-endian.
pub(super) const MAGIC: u32 = 0x4257_524d;

/// The numbers of a batch header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Raised at every open.
    pub(super) epoch: u64,
    /// `epoch << 20 | use of a segment within the epoch`.
    pub(super) segment_gen: u64,
    /// Dense over the whole life of the store, but for the re-use of an abandoned tail's numbers.
    pub(super) batch_seq: u64,
    /// The highest batch that was durable when this one was built.
    pub(super) durable_seq: u64,
    pub(super) body_len: u32,
    pub(super) body_crc: u32,
    pub(super) entries: u32,
    /// Newest append time in the batch, milliseconds.
    pub(super) max_time: u64,
}

impl Header {
    /// Reads a header; `None` unless it is one of the store that `key` belongs to.
    pub(super) fn decode(key: u64, bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.get(..HEADER_BYTES)?);
        let (magic, crc) = (fields.u32()?, fields.u32()?);
        if magic != MAGIC || crc != keyed_crc(key, &[fields.0]) {
            return None;
        }
        let (epoch, segment_gen) = (fields.u64()?, fields.u64()?);
        let (batch_seq, durable_seq) = (fields.u64()?, fields.u64()?);
        let (body_len, body_crc) = (fields.u32()?, fields.u32()?);
        let (entries, _flags, max_time) = (fields.u32()?, fields.u32()?, fields.u64()?);
        let header = Self {
            epoch,
            segment_gen,
            batch_seq,
            durable_seq,
            body_len,
            body_crc,
            entries,
            max_time,
        };
        (header.body_bytes() <= WAL_BODY_MAX).then_some(header)
    }

    fn encode(&self, key: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut at = 8;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        for field in [self.epoch, self.segment_gen, self.batch_seq, self.durable_seq] {
            put(&field.to_le_bytes());
        }
        for field in [self.body_len, self.body_crc, self.entries, 0] {
            put(&field.to_le_bytes());
        }
        put(&self.max_time.to_le_bytes());
        let crc = keyed_crc(key, &[&bytes[8..]]);
        bytes[..4].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn body_bytes(&self) -> usize {
        as_usize(u64::from(self.body_len))
    }

    /// Bytes the batch takes in its segment.
    pub(super) fn stored_bytes(&self) -> u64 {
        as_u64(stored_bytes(self.body_bytes()))
    }

    /// Whether `body` is this batch's.
    pub(super) fn owns(&self, key: u64, body: &[u8]) -> bool {
        body.len() == self.body_bytes() && keyed_crc(key, &[body]) == self.body_crc
    }
}

/// Bytes a batch with this body takes in its segment.
pub(super) fn stored_bytes(body: usize) -> usize {
    (HEADER_BYTES + body).next_multiple_of(ALIGN)
}

/// What a batch does, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Append {
        log: LogId,
        first: Offset,
        time: Timestamp,
        batch: Records,
    },
    Create {
        log: LogId,
        retention_ms: u64,
    },
    Seal {
        log: LogId,
        end: Offset,
    },
    Trim {
        log: LogId,
        before: Offset,
    },
    Delete {
        log: LogId,
    },
}

/// The records of one append, sharing the batch's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) bytes: Bytes,
    pub(super) ends: Ends,
}

// Stored; never re-used.
const APPEND: u8 = 1;
const CREATE: u8 = 2;
const SEAL: u8 = 3;
const TRIM: u8 = 4;
const DELETE: u8 = 5;
/// Zeros before an append whose bytes begin at a block's boundary. Since format version 2.
const PAD: u8 = 6;

/// Most stored bytes of an append.
pub(super) fn append_bytes(batch: &Batch) -> usize {
    let pad = batch.in_place.map_or(0, |_| META_BYTES + ALIGN);
    pad + append_head_bytes(batch) + batch.bytes.len()
}

/// Bytes of an append before those of its records.
fn append_head_bytes(batch: &Batch) -> usize {
    33 + 4 * batch.ends.len()
}

/// Stored bytes of any other entry, but for a pad's zeros.
pub(super) const META_BYTES: usize = 17;

/// Builds one batch that can be written past the operating system's cache.
#[derive(Debug)]
pub(super) struct Builder {
    key: u64,
    batch: Gather,
    /// Of the body up to `summed` in what was copied.
    crc: Keyed,
    summed: usize,
    entries: u32,
    max_time: u64,
}

impl Builder {
    pub(super) fn new(key: u64) -> Self {
        Self {
            key,
            batch: Gather::default(),
            crc: Keyed::new(key),
            summed: 0,
            entries: 0,
            max_time: 0,
        }
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self) {
        // Four MiB stay allocated between batches, the size of a full group; larger ones are rare.
        self.batch.clear(super::limits::GROUP_BYTES);
        self.batch.zeros(HEADER_BYTES);
        (self.crc, self.summed) = (Keyed::new(self.key), HEADER_BYTES);
        (self.entries, self.max_time) = (0, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    pub(super) fn append(&mut self, log: LogId, first: Offset, time: Timestamp, batch: &Batch) {
        if batch.in_place.is_some() {
            self.pad(append_head_bytes(batch));
        }
        self.entry(APPEND, log);
        for field in [first, time.0] {
            self.batch.extend(&field.to_le_bytes());
        }
        for field in [as_u32(batch.ends.len()), as_u32(batch.bytes.len())] {
            self.batch.extend(&field.to_le_bytes());
        }
        for end in &batch.ends {
            self.batch.extend(&end.to_le_bytes());
        }
        match batch.in_place {
            Some(crc) => {
                self.sum();
                self.batch.lend(&batch.bytes);
                self.crc.add_known(crc, batch.bytes.len());
                self.summed = self.batch.own().len();
            }
            None => self.batch.extend(&batch.bytes),
        }
        self.max_time = self.max_time.max(time.0);
    }

    pub(super) fn create(&mut self, log: LogId, retention_ms: u64) {
        self.meta(CREATE, log, retention_ms);
    }

    pub(super) fn seal(&mut self, log: LogId, end: Offset) {
        self.meta(SEAL, log, end);
    }

    pub(super) fn trim(&mut self, log: LogId, before: Offset) {
        self.meta(TRIM, log, before);
    }

    pub(super) fn delete(&mut self, log: LogId) {
        self.meta(DELETE, log, 0);
    }

    /// Makes what comes behind the next `ahead` bytes begin at a block's boundary.
    fn pad(&mut self, ahead: usize) {
        if self.batch.gap(ahead) > 0 {
            let zeros = self.batch.gap(META_BYTES + ahead);
            self.meta(PAD, LogId(0), as_u64(zeros));
            self.batch.zeros(zeros);
        }
    }

    fn meta(&mut self, kind: u8, log: LogId, number: u64) {
        self.entry(kind, log);
        self.batch.extend(&number.to_le_bytes());
    }

    fn entry(&mut self, kind: u8, log: LogId) {
        self.entries += 1;
        self.batch.extend(&[kind]);
        self.batch.extend(&log.0.to_le_bytes());
    }

    /// Adds to the checksum what was copied since.
    fn sum(&mut self) {
        self.crc.add(&self.batch.own()[self.summed..]);
        self.summed = self.batch.own().len();
    }

    /// Ends the batch: fills in lengths, counts and checksums, pads it, and shows its bytes.
    pub(super) fn finish(&mut self, mut header: Header) -> Vec<&[u8]> {
        header.body_len = as_u32(self.batch.len() - HEADER_BYTES);
        self.sum();
        header.body_crc = self.crc.finish();
        header.entries = self.entries;
        header.max_time = self.max_time;
        self.batch.zeros(self.batch.gap(0));
        self.batch.own_mut()[..HEADER_BYTES].copy_from_slice(&header.encode(self.key));
        self.batch.whole_blocks()
    }
}

/// Reads the entries of a body whose checksum was right; `None` when they are not entries all the same.
pub(super) fn decode_body(body: &Bytes, count: u32) -> Option<Vec<Entry>> {
    let mut fields = Fields(body);
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.extend(decode_entry(body, &mut fields)?);
    }
    fields.0.is_empty().then_some(entries)
}

/// Reads one entry, which says nothing if it is a pad.
fn decode_entry(body: &Bytes, fields: &mut Fields<'_>) -> Option<Option<Entry>> {
    let (kind, log, number) = (fields.u8()?, LogId(fields.u64()?), fields.u64()?);
    Some(Some(match kind {
        APPEND => {
            let time = Timestamp(fields.u64()?);
            let (count, len) = (fields.len()?, fields.len()?);
            let ends = fields.u32s(count)?;
            let bytes = body.slice_ref(fields.bytes(len)?);
            if !ends_fit(&ends, len) {
                return None;
            }
            Entry::Append {
                log,
                first: number,
                time,
                batch: Records { bytes, ends },
            }
        }
        CREATE => Entry::Create {
            log,
            retention_ms: number,
        },
        SEAL => Entry::Seal { log, end: number },
        TRIM => Entry::Trim { log, before: number },
        DELETE => Entry::Delete { log },
        PAD => {
            fields.bytes(as_usize(number))?;
            return Some(None);
        }
        _ => return None,
    }))
}

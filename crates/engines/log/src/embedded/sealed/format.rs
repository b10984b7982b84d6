//! Bytes of a sealed file: blocks of records sorted by log and offset, a footer that finds them, a trailer that
//! finds the footer. Drawn in `docs/design/log-format.md`.

use bytes::Bytes;
use millrace_base::Timestamp;

use crate::batch::ends_fit;
use crate::embedded::codec::{Fields, Keyed, as_u32, as_u64, as_usize, keyed_crc};
use crate::embedded::manifest::format::FORMAT_VERSION;
use crate::embedded::state::Cached;
use crate::{LogId, Offset};

/// Bytes of the trailer.
pub(crate) const TRAILER_BYTES: usize = 40;
/// "MRLOGSEG" read as little-endian.
const MAGIC: u64 = 0x4745_5347_4f4c_524d;
/// Bytes of a block's header.
pub(crate) const BLOCK_HEADER_BYTES: usize = 8;
const RUN_HEADER_BYTES: usize = 24;
const EXTENT_BYTES: usize = 72;
const BLOCK_BYTES: usize = 32;

/// One log's records in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtentInfo {
    pub(crate) log: LogId,
    pub(crate) first: Offset,
    pub(crate) end: Offset,
    pub(crate) first_time: Timestamp,
    pub(crate) last_time: Timestamp,
    /// Where its first block is, and the length of all its blocks.
    pub(crate) position: u64,
    pub(crate) len: u64,
    /// Bytes of its records.
    pub(crate) bytes: u64,
    /// Its blocks in the footer's list.
    pub(crate) block_from: u32,
    pub(crate) blocks: u32,
}

/// Up to 64 KiB of one log's records, or one larger record, or one batch that was written from where it lay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockInfo {
    pub(crate) first: Offset,
    pub(crate) last_time: Timestamp,
    pub(crate) position: u64,
    pub(crate) len: u32,
    pub(crate) records: u32,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Ascending by log and offset; one per log, or several where another file holds what is between.
    pub(crate) extents: Vec<ExtentInfo>,
    pub(crate) blocks: Vec<BlockInfo>,
}

/// Where the footer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) position: u64,
    pub(crate) len: u64,
    pub(crate) file: u64,
    pub(crate) version: u32,
    crc: u32,
}

impl Footer {
    /// The extent of `log` that begins with `first`.
    pub(crate) fn extent(&self, log: LogId, first: Offset) -> Option<&ExtentInfo> {
        let at = self
            .extents
            .binary_search_by_key(&(log, first), |extent| (extent.log, extent.first))
            .ok()?;
        self.extents.get(at)
    }

    /// Bytes of all blocks.
    pub(crate) fn data_len(&self) -> u64 {
        self.extents
            .iter()
            .fold(0, |sum, extent| extent.len.saturating_add(sum))
    }

    /// The blocks of `extent`.
    pub(crate) fn blocks_of(&self, extent: &ExtentInfo) -> &[BlockInfo] {
        let from = as_usize(u64::from(extent.block_from));
        self.blocks
            .get(from..from.saturating_add(as_usize(u64::from(extent.blocks))))
            .unwrap_or(&[])
    }

    /// Bytes it takes in memory.
    pub(crate) fn memory(&self) -> usize {
        self.extents.len() * size_of::<ExtentInfo>() + self.blocks.len() * size_of::<BlockInfo>()
    }

    /// Bytes of [`Self::encode`].
    pub(crate) fn encoded_len(&self) -> usize {
        8 + self.extents.len() * EXTENT_BYTES + self.blocks.len() * BLOCK_BYTES + TRAILER_BYTES
    }

    /// The end of a file: footer and trailer.
    pub(crate) fn encode(&self, key: u64, file: u64, position: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        put32(&mut out, &[as_u32(self.extents.len()), as_u32(self.blocks.len())]);
        for e in &self.extents {
            put64(
                &mut out,
                &[
                    e.log.0,
                    e.first,
                    e.end,
                    e.first_time.0,
                    e.last_time.0,
                    e.position,
                    e.len,
                    e.bytes,
                ],
            );
            put32(&mut out, &[e.block_from, e.blocks]);
        }
        for b in &self.blocks {
            put64(&mut out, &[b.first, b.last_time.0, b.position]);
            put32(&mut out, &[b.len, b.records]);
        }
        let at = out.len();
        put64(&mut out, &[position, as_u64(at), file]);
        put32(&mut out, &[FORMAT_VERSION]);
        let crc = keyed_crc(key, &[&out]);
        put32(&mut out, &[crc]);
        put64(&mut out, &[MAGIC]);
        out
    }

    /// Reads the footer that `trailer` describes; `None` when it is damaged.
    pub(crate) fn decode(key: u64, trailer: &Trailer, bytes: &[u8]) -> Option<Self> {
        let mut front = Vec::new();
        put64(&mut front, &[trailer.position, trailer.len, trailer.file]);
        put32(&mut front, &[trailer.version]);
        if trailer.crc != keyed_crc(key, &[bytes, &front]) {
            return None;
        }
        Self::decode_tables(bytes, trailer.position)
    }

    /// Reads the tables of a footer that lies at `position`.
    pub(crate) fn decode_tables(bytes: &[u8], position: u64) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (extents, blocks) = (fields.len()?, fields.len()?);
        let wanted = extents
            .checked_mul(EXTENT_BYTES)?
            .checked_add(blocks.checked_mul(BLOCK_BYTES)?)?;
        if fields.0.len() != wanted {
            return None;
        }
        let extents = (0..extents)
            .map(|_| decode_extent(&mut fields))
            .collect::<Option<Vec<_>>>()?;
        let blocks = (0..blocks)
            .map(|_| decode_block(&mut fields))
            .collect::<Option<Vec<_>>>()?;
        let footer = Self { extents, blocks };
        footer.is_sound(position).then_some(footer)
    }

    /// Whether everything lies where it says, in order: readers rely on it.
    fn is_sound(&self, data_end: u64) -> bool {
        self.extents
            .is_sorted_by(|a, b| (a.log, a.end) <= (b.log, b.first))
            && self.extents.iter().all(|extent| {
                let blocks = self.blocks_of(extent);
                extent.first < extent.end
                    && !blocks.is_empty()
                    && blocks.first().is_some_and(|block| block.first == extent.first)
                    && blocks.is_sorted_by(|a, b| {
                        let end = a.position.checked_add(u64::from(a.len));
                        a.first < b.first && end.is_some_and(|end| end <= b.position)
                    })
                    && blocks.iter().all(|block| {
                        block
                            .position
                            .checked_add(u64::from(block.len))
                            .is_some_and(|end| end <= data_end)
                    })
            })
    }
}

fn decode_extent(fields: &mut Fields<'_>) -> Option<ExtentInfo> {
    Some(ExtentInfo {
        log: LogId(fields.u64()?),
        first: fields.u64()?,
        end: fields.u64()?,
        first_time: Timestamp(fields.u64()?),
        last_time: Timestamp(fields.u64()?),
        position: fields.u64()?,
        len: fields.u64()?,
        bytes: fields.u64()?,
        block_from: fields.u32()?,
        blocks: fields.u32()?,
    })
}

fn decode_block(fields: &mut Fields<'_>) -> Option<BlockInfo> {
    Some(BlockInfo {
        first: fields.u64()?,
        last_time: Timestamp(fields.u64()?),
        position: fields.u64()?,
        len: fields.u32()?,
        records: fields.u32()?,
    })
}

impl Trailer {
    /// Reads the last [`TRAILER_BYTES`] of a file of `len` bytes; `None` when they are not a trailer.
    pub(crate) fn decode(bytes: &[u8], len: u64) -> Option<Self> {
        let mut fields = Fields(bytes);
        let trailer = Self {
            position: fields.u64()?,
            len: fields.u64()?,
            file: fields.u64()?,
            version: fields.u32()?,
            crc: fields.u32()?,
        };
        let end = trailer
            .position
            .checked_add(trailer.len)?
            .checked_add(as_u64(TRAILER_BYTES))?;
        (fields.u64()? == MAGIC && end == len).then_some(trailer)
    }
}

/// What stands before the bytes of a run.
pub(crate) fn run_head(
    (first, time): (Offset, Timestamp),
    ends: impl ExactSizeIterator<Item = u32>,
    bytes: usize,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(run_bytes(ends.len(), 0));
    put64(&mut head, &[first, time.0]);
    put32(&mut head, &[as_u32(ends.len()), as_u32(bytes)]);
    ends.for_each(|end| put32(&mut head, &[end]));
    head
}

/// Bytes that a run takes in a block.
pub(crate) fn run_bytes(records: usize, bytes: usize) -> usize {
    RUN_HEADER_BYTES + 4 * records + bytes
}

/// The header of a block with this payload, and behind it bytes of which checksum and length are known.
pub(crate) fn block_header(
    key: u64,
    log: LogId,
    payload: &[u8],
    rest: Option<(u32, usize)>,
) -> [u8; BLOCK_HEADER_BYTES] {
    let len = as_u32(BLOCK_HEADER_BYTES + payload.len() + rest.map_or(0, |(_, bytes)| bytes));
    let mut crc = block_crc(key, log, len, payload);
    if let Some((known, bytes)) = rest {
        crc.add_known(known, bytes);
    }
    let mut header = [0; BLOCK_HEADER_BYTES];
    header[..4].copy_from_slice(&len.to_le_bytes());
    header[4..].copy_from_slice(&crc.finish().to_le_bytes());
    header
}

fn block_crc(key: u64, log: LogId, len: u32, payload: &[u8]) -> Keyed {
    let mut crc = Keyed::new(key);
    [&log.0.to_le_bytes()[..], &len.to_le_bytes(), payload]
        .iter()
        .for_each(|part| crc.add(part));
    crc
}

/// Whether `block` is whole and one of `log`.
pub(crate) fn block_is_sound(key: u64, log: LogId, block: &[u8]) -> bool {
    let mut fields = Fields(block);
    let (Some(len), Some(crc)) = (fields.u32(), fields.u32()) else {
        return false;
    };
    as_usize(u64::from(len)) == block.len() && crc == block_crc(key, log, len, fields.0).finish()
}

/// Reads a block of `log`; `None` when it is damaged.
pub(crate) fn decode_block_runs(key: u64, log: LogId, block: &Bytes) -> Option<Vec<Cached>> {
    if !block_is_sound(key, log, block) {
        return None;
    }
    let mut fields = Fields(&block[BLOCK_HEADER_BYTES..]);
    let mut runs = Vec::new();
    while !fields.0.is_empty() {
        let (first, time) = (fields.u64()?, Timestamp(fields.u64()?));
        let (count, len) = (fields.len()?, fields.len()?);
        let ends = fields.u32s(count)?;
        let bytes = block.slice_ref(fields.bytes(len)?);
        if !ends_fit(&ends, len) || first.checked_add(as_u64(count)).is_none() {
            return None;
        }
        runs.push(Cached {
            first,
            time,
            bytes,
            ends,
            in_place: None,
        });
    }
    Some(runs)
}

fn put64(out: &mut Vec<u8>, fields: &[u64]) {
    fields
        .iter()
        .for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, fields: &[u32]) {
    fields
        .iter()
        .for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
}

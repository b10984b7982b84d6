//! Bytes of the MANIFEST: a header and frames of edits. A frame applies as a whole or not at all.

use millrace_base::Timestamp;

use crate::embedded::codec::{Fields, as_u32, as_usize, keyed_crc};
use crate::{LogId, Offset};

/// The version of every file of the store.
pub(crate) const FORMAT_VERSION: u32 = 2;
/// The oldest one that is read.
pub(crate) const FORMAT_VERSION_MIN: u32 = 1;
/// "MRLOGMAN" read as little-endian.
const MAGIC: u64 = 0x4e41_4d47_4f4c_524d;
/// Bytes of the file's header.
pub(crate) const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 16;

/// Everything about a log but its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogMeta {
    pub(crate) retention_ms: u64,
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    pub(crate) last_time: Timestamp,
    pub(crate) sealed: bool,
}

/// A sealed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileMeta {
    /// Retention class, see `sealed::class_of`.
    pub(crate) class: u8,
    pub(crate) len: u64,
}

/// One change of the store's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// The store was opened; no batch of this epoch was written before.
    Epoch(u64),
    /// Every batch up to `seq` (of `epoch`) is in the tables and files: its segment may be used again.
    WalTrim {
        seq: u64,
        epoch: u64,
    },
    Log(LogId, LogMeta),
    LogDeleted(LogId),
    FileAdded(u64, FileMeta),
    FileRemoved(u64),
}

// Stored; never re-used.
const EPOCH: u8 = 1;
const WAL_TRIM: u8 = 2;
const LOG: u8 = 3;
const LOG_DELETED: u8 = 4;
const FILE_ADDED: u8 = 5;
const FILE_REMOVED: u8 = 6;

/// Why a MANIFEST cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    Damaged,
    Version(u32),
}

pub(crate) fn encode_header(key: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC.to_le_bytes());
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&key.to_le_bytes());
    let crc = keyed_crc(0, &[&bytes[..12], &bytes[16..]]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads the store's key.
pub(crate) fn decode_header(bytes: &[u8]) -> Result<u64, HeaderError> {
    let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(HeaderError::Damaged);
    };
    let mut fields = Fields(bytes);
    let (Some(magic), Some(version), Some(crc), Some(key)) =
        (fields.u64(), fields.u32(), fields.u32(), fields.u64())
    else {
        return Err(HeaderError::Damaged);
    };
    if magic != MAGIC || crc != keyed_crc(0, &[&bytes[..12], &bytes[16..]]) {
        return Err(HeaderError::Damaged);
    }
    if !(FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&version) {
        return Err(HeaderError::Version(version));
    }
    Ok(key)
}

/// The bytes of the `seq`-th frame of a file.
pub(crate) fn encode_frame(key: u64, seq: u64, edits: &[Edit]) -> Vec<u8> {
    let mut body = Vec::new();
    edits.iter().for_each(|edit| encode_edit(&mut body, edit));
    encode_body(key, seq, &body)
}

/// A frame around `body`.
pub(crate) fn encode_body(key: u64, seq: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; FRAME_HEADER_BYTES];
    frame.extend_from_slice(body);
    let len = as_u32(frame.len() - FRAME_HEADER_BYTES);
    frame[..4].copy_from_slice(&len.to_le_bytes());
    frame[8..16].copy_from_slice(&seq.to_le_bytes());
    let crc = keyed_crc(key, &[&frame[..4], &frame[8..]]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    frame
}

fn encode_edit(out: &mut Vec<u8>, edit: &Edit) {
    let mut put = |kind: u8, fields: &[u64]| {
        out.push(kind);
        fields
            .iter()
            .for_each(|field| out.extend_from_slice(&field.to_le_bytes()));
    };
    match *edit {
        Edit::Epoch(epoch) => put(EPOCH, &[epoch]),
        Edit::WalTrim { seq, epoch } => put(WAL_TRIM, &[seq, epoch]),
        Edit::Log(id, m) => {
            put(
                LOG,
                &[
                    id.0,
                    m.retention_ms,
                    m.start,
                    m.end,
                    m.last_time.0,
                    u64::from(m.sealed),
                ],
            );
        }
        Edit::LogDeleted(id) => put(LOG_DELETED, &[id.0]),
        Edit::FileAdded(id, meta) => put(FILE_ADDED, &[id, u64::from(meta.class), meta.len]),
        Edit::FileRemoved(id) => put(FILE_REMOVED, &[id]),
    }
}

/// Reads the `seq`-th frame at the front of `bytes`: its edits and its length. `None` when no such frame is there.
pub(crate) fn decode_frame(key: u64, seq: u64, bytes: &[u8]) -> Option<(Vec<Edit>, usize)> {
    let mut fields = Fields(bytes);
    let (len, crc) = (fields.u32()?, fields.u32()?);
    let total = FRAME_HEADER_BYTES.checked_add(as_usize(u64::from(len)))?;
    let frame = bytes.get(..total)?;
    if fields.u64()? != seq || crc != keyed_crc(key, &[&frame[..4], &frame[8..]]) {
        return None;
    }
    let mut fields = Fields(&frame[FRAME_HEADER_BYTES..]);
    let mut edits = Vec::new();
    while !fields.0.is_empty() {
        edits.push(decode_edit(&mut fields)?);
    }
    Some((edits, total))
}

fn decode_edit(fields: &mut Fields<'_>) -> Option<Edit> {
    let (kind, number) = (fields.u8()?, fields.u64()?);
    Some(match kind {
        EPOCH => Edit::Epoch(number),
        WAL_TRIM => Edit::WalTrim {
            seq: number,
            epoch: fields.u64()?,
        },
        LOG => Edit::Log(
            LogId(number),
            LogMeta {
                retention_ms: fields.u64()?,
                start: fields.u64()?,
                end: fields.u64()?,
                last_time: Timestamp(fields.u64()?),
                sealed: fields.u64()? != 0,
            },
        ),
        LOG_DELETED => Edit::LogDeleted(LogId(number)),
        FILE_ADDED => {
            let class = u8::try_from(fields.u64()?).ok()?;
            Edit::FileAdded(
                number,
                FileMeta {
                    class,
                    len: fields.u64()?,
                },
            )
        }
        FILE_REMOVED => Edit::FileRemoved(number),
        _ => return None,
    })
}

//! A record's bytes in its shard's log; `docs/design/record-format.md` draws them, too.
//!
//! ```text
//! version u8 = 1 | flags u8 (1: has a partition key) | key length u16 BE | partition key, UTF-8 | data
//! version u8 = 2 | 0 u8 | number of the data key u32 BE | nonce 12 B | a version 1 record, sealed: its bytes + 16 B
//! ```
//! Sequence number and arrival time are not in it: they follow from the offset and the append time that the log keeps.

use bytes::Bytes;
use millrace_keys::NONCE_BYTES;
use millrace_wire::json;

use crate::state::DataKeyNumber;

/// Bytes in front of the partition key.
pub(crate) const HEADER_BYTES: usize = 4;
const VERSION: u8 = 1;
const SEALED_VERSION: u8 = 2;
const HAS_KEY: u8 = 1;
/// Bytes in front of a sealed record's nonce. They are authenticated with it.
pub(crate) const SEALED_PREFIX_BYTES: usize = 6;
/// Bytes in front of what is sealed.
pub(crate) const SEALED_HEADER_BYTES: usize = SEALED_PREFIX_BYTES + NONCE_BYTES;

/// A record as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    bytes: Bytes,
    has_key: bool,
    /// Where the key ends and the data begins.
    key_end: usize,
    plain_key: bool,
    encrypted: bool,
}

/// A record that is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedRecord {
    pub(crate) data_key: DataKeyNumber,
    pub(crate) nonce: [u8; NONCE_BYTES],
    /// What stands before the nonce.
    pub(crate) prefix: [u8; SEALED_PREFIX_BYTES],
    /// What is sealed, with its tag.
    pub(crate) body: Bytes,
}

impl Record {
    /// The partition key, UTF-8; absent where the stream distributes records itself.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        let key = self.bytes.get(HEADER_BYTES..self.key_end);
        key.filter(|_| self.has_key)
    }

    /// Whether the key stands in JSON as it is: to look at it again costs a cache miss for every record.
    pub(crate) fn has_plain_key(&self) -> bool {
        self.plain_key
    }

    /// Whether it is encrypted where it is stored.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The same record, which was opened.
    pub(crate) fn opened(self) -> Self {
        Self {
            encrypted: true,
            ..self
        }
    }

    /// The data.
    pub(crate) fn data(&self) -> &[u8] {
        self.bytes.get(self.key_end..).unwrap_or_default()
    }
}

/// Appends what stands before the data. A key longer than 64 KiB cannot come here: 256 characters are the limit.
pub(crate) fn begin(key: Option<&str>, out: &mut Vec<u8>) {
    let bytes = key.unwrap_or_default().as_bytes();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&[VERSION, if key.is_some() { HAS_KEY } else { 0 }]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes.get(..usize::from(length)).unwrap_or_default());
}

/// Appends what stands before a sealed record; yields what of it is to be authenticated.
pub(crate) fn begin_sealed(
    data_key: DataKeyNumber,
    nonce: &[u8; NONCE_BYTES],
    out: &mut Vec<u8>,
) -> [u8; SEALED_PREFIX_BYTES] {
    let [a, b, c, d] = data_key.0.to_be_bytes();
    let prefix = [SEALED_VERSION, 0, a, b, c, d];
    out.extend_from_slice(&prefix);
    out.extend_from_slice(nonce);
    prefix
}

/// Whether the bytes are those of a sealed record.
pub(crate) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEALED_VERSION)
}

/// Takes a sealed record apart without copying; `None` for bytes that are none.
pub(crate) fn read_sealed(bytes: &Bytes) -> Option<SealedRecord> {
    let (prefix, rest) = bytes.split_first_chunk::<SEALED_PREFIX_BYTES>()?;
    let (nonce, _) = rest.split_first_chunk::<NONCE_BYTES>()?;
    let [SEALED_VERSION, 0, a, b, c, d] = *prefix else {
        return None;
    };
    Some(SealedRecord {
        data_key: DataKeyNumber(u32::from_be_bytes([a, b, c, d])),
        nonce: *nonce,
        prefix: *prefix,
        body: bytes.slice(SEALED_HEADER_BYTES..),
    })
}

/// Takes a record apart without copying; `None` for bytes that are none.
pub(crate) fn read(bytes: Bytes) -> Option<Record> {
    let [VERSION, flags, high, low] = *bytes.first_chunk::<HEADER_BYTES>()? else {
        return None;
    };
    let key_end = HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
    let key = bytes.get(HEADER_BYTES..key_end)?;
    std::str::from_utf8(key).ok()?;
    Some(Record {
        has_key: flags & HAS_KEY != 0,
        plain_key: json::is_plain(key),
        encrypted: false,
        key_end,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back() {
        for key in [Some("käse"), Some(""), None] {
            let mut bytes = Vec::new();
            begin(key, &mut bytes);
            bytes.extend_from_slice(b"data");
            let record = read(bytes.into()).unwrap();
            assert_eq!(record.key(), key.map(str::as_bytes));
            assert_eq!(record.data(), b"data");
        }
    }

    #[test]
    fn version_1_stays_readable() {
        for (bytes, key, data) in [
            (&b"\x01\x01\x00\x03keydata"[..], Some(&b"key"[..]), &b"data"[..]),
            (b"\x01\x00\x00\x00data", None, b"data"),
            (b"\x01\x01\x00\x01k", Some(b"k"), b""),
        ] {
            let record = read(Bytes::from_static(bytes)).unwrap();
            assert_eq!((record.key(), record.data()), (key, data));
        }
    }

    #[test]
    fn a_sealed_record_comes_apart() {
        let mut bytes = Vec::new();
        let prefix = begin_sealed(DataKeyNumber(0x0102_0304), &[9; NONCE_BYTES], &mut bytes);
        assert_eq!(bytes, [&[2, 0, 1, 2, 3, 4][..], &[9; 12]].concat());
        bytes.extend_from_slice(b"sealed");
        let bytes = Bytes::from(bytes);
        assert!(is_sealed(&bytes) && read(bytes.clone()).is_none());
        let sealed = read_sealed(&bytes).unwrap();
        assert_eq!((sealed.prefix, sealed.nonce), (prefix, [9; NONCE_BYTES]));
        assert_eq!(
            (sealed.data_key, &sealed.body[..]),
            (DataKeyNumber(0x0102_0304), &b"sealed"[..])
        );
        assert_eq!(read_sealed(&bytes.slice(..17)), None);
        assert_eq!(
            read_sealed(&Bytes::from_static(&[
                2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
            ])),
            None
        );
    }

    #[test]
    fn bytes_that_are_no_record_are_none() {
        for bytes in [
            &b""[..],
            &[1, 1, 0],
            &[2, 1, 0, 0],
            &[1, 1, 0, 9, 1],
            &[1, 1, 0, 1, 0xff],
        ] {
            assert_eq!(read(Bytes::copy_from_slice(bytes)), None);
        }
    }
}

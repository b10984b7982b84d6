//! Keys: which attributes they are made of, and the bytes by which tables and indexes are sorted.
//!
//! ```text
//! spread u64 | partition key | sort key, where there is one
//! text, bytes: each 00 written as 00 FF, then 00 01        number: 18 bytes, see `number`
//! ```
//! The spread is a hash of the partition key, big-endian: it scatters partitions over the scan, and the segments of a
//! parallel scan are ranges of it. An entry of an index has the bytes of its item's key in the table behind its own.

use serde::{Deserialize, Serialize};

use super::{AttributeValue, Item, Kind};
use crate::dynamodb::limits::{HASH_KEY_BYTES_MAX, RANGE_KEY_BYTES_MAX};

/// Sorts as its key does.
pub type KeyBytes = Vec<u8>;

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are DynamoDB's")]
pub enum ScalarType {
    S,
    N,
    B,
}

impl ScalarType {
    /// As an attribute's type.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::S => Kind::S,
            Self::N => Kind::N,
            Self::B => Kind::B,
        }
    }
}

/// An attribute that is part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ScalarType,
}

/// The key of a table or an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    /// The partition key.
    pub hash: KeyAttribute,
    /// The sort key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<KeyAttribute>,
}

/// Why a value cannot be (part of) a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// The attribute is not there.
    Missing,
    /// It has another type.
    Type {
        /// What the schema says.
        expected: Kind,
        /// What was given.
        actual: Kind,
    },
    /// It is an empty text or has no bytes.
    Empty(Kind),
    /// It is too long for its place.
    TooLong {
        /// It is the partition key.
        hash: bool,
    },
}

impl KeySchema {
    /// Its attributes, the partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.hash).chain(&self.range)
    }

    /// Whether the attribute of that name is part of it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The first attribute of `item` that does not fit, in the key's order.
    ///
    /// # Errors
    /// The attribute and what is wrong with it.
    pub fn check(&self, item: &Item) -> Result<(), (&KeyAttribute, KeyFault)> {
        for (at, attribute) in self.attributes().enumerate() {
            let fault = match item.get(&attribute.name) {
                None => Some(KeyFault::Missing),
                Some(value) => fault(attribute, value, at == 0),
            };
            if let Some(fault) = fault {
                return Err((attribute, fault));
            }
        }
        Ok(())
    }

    /// The key's bytes of an item; `None` where an attribute is missing or does not fit.
    #[must_use]
    pub fn bytes_of(&self, item: &Item) -> Option<KeyBytes> {
        self.check(item).ok()?;
        let mut bytes = partition(item.get(&self.hash.name)?);
        if let Some(range) = &self.range {
            encode(item.get(&range.name)?, &mut bytes);
        }
        Some(bytes)
    }

    /// The part of an item that is its key.
    #[must_use]
    pub fn key_of(&self, item: &Item) -> Item {
        let present = self.attributes().filter_map(|a| item.get_key_value(&a.name));
        present
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// What keeps `value` from being this attribute of a key.
#[must_use]
pub fn fault(attribute: &KeyAttribute, value: &AttributeValue, hash: bool) -> Option<KeyFault> {
    let (expected, actual) = (attribute.kind.kind(), value.kind());
    if expected != actual {
        return Some(KeyFault::Type { expected, actual });
    }
    let max = if hash {
        HASH_KEY_BYTES_MAX
    } else {
        RANGE_KEY_BYTES_MAX
    };
    match value.length_in_key() {
        Some(0) => Some(KeyFault::Empty(actual)),
        Some(length) if length > max => Some(KeyFault::TooLong { hash }),
        _ => None,
    }
}

impl AttributeValue {
    /// Bytes of a text or a blob.
    fn length_in_key(&self) -> Option<usize> {
        match self {
            Self::S(text) => Some(text.len()),
            Self::B(bytes) => Some(bytes.0.len()),
            _ => None,
        }
    }
}

/// The bytes with which every key of that partition begins.
#[must_use]
pub fn partition(hash: &AttributeValue) -> KeyBytes {
    let mut own = Vec::new();
    encode(hash, &mut own);
    let mut bytes = spread(&own).to_be_bytes().to_vec();
    bytes.append(&mut own);
    bytes
}

/// Appends a part of a key.
pub fn encode(value: &AttributeValue, out: &mut KeyBytes) {
    encode_open(value, out);
    if value.length_in_key().is_some() {
        out.extend_from_slice(&[0, 1]);
    }
}

/// Appends a part of a key without its end: the beginning of all that begin with it.
pub fn encode_open(value: &AttributeValue, out: &mut KeyBytes) {
    match value {
        AttributeValue::N(number) => out.extend_from_slice(&number.key()),
        AttributeValue::S(text) => escape(text.as_bytes(), out),
        AttributeValue::B(bytes) => escape(&bytes.0, out),
        // No schema has a key of another kind.
        _ => {}
    }
}

fn escape(bytes: &[u8], out: &mut KeyBytes) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
}

/// The least bytes that are greater than all that begin with `prefix`; `None` where nothing is.
#[must_use]
pub fn after_prefix(prefix: &[u8]) -> Option<KeyBytes> {
    let mut bytes = prefix.to_vec();
    while let Some(last) = bytes.pop() {
        if let Some(next) = last.checked_add(1) {
            bytes.push(next);
            return Some(bytes);
        }
    }
    None
}

/// FNV-1a, with its bits mixed once more so that the high ones depend on all (the finisher of SplitMix64). Only the
/// order of a scan depends on it.
fn spread(bytes: &[u8]) -> u64 {
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The first spread of segment `segment` of `total`; that of the segment behind the last is `None`.
#[must_use]
pub fn segment_start(segment: u32, total: u32) -> Option<u64> {
    // ceil(segment * 2^64 / total)
    let start = (u128::from(segment) << 64).div_ceil(u128::from(total.max(1)));
    u64::try_from(start).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::model::Blob;
    use proptest::prelude::*;

    fn encoded(value: &AttributeValue) -> KeyBytes {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        bytes
    }

    #[test]
    fn segments_cover_every_spread_once() {
        for total in [1, 2, 3, 7, 1000, 1_000_000] {
            assert_eq!(segment_start(0, total), Some(0));
            assert_eq!(segment_start(total, total), None);
            assert!(segment_start(1, total).unwrap_or(u64::MAX) > 0);
        }
        assert_eq!(segment_start(1, 2), Some(1 << 63));
    }

    #[test]
    fn partitions_scatter() {
        let halves = (0..1000).filter(|i| partition(&AttributeValue::S(format!("shardId-{i:012}")))[0] < 128);
        assert!((400..600).contains(&halves.count()));
    }

    #[test]
    fn a_prefix_has_an_end() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(&[1, 255, 255]), Some(vec![2]));
        assert_eq!(after_prefix(&[255]), None);
    }

    proptest! {
        #[test]
        fn bytes_sort_as_their_values(a in proptest::collection::vec(0u8..3, 0..6), b in proptest::collection::vec(0u8..3, 0..6), tail: Vec<u8>) {
            let (x, y) = (AttributeValue::B(Blob(a.clone())), AttributeValue::B(Blob(b.clone())));
            let (mut ex, mut ey) = (encoded(&x), encoded(&y));
            prop_assert_eq!(ex.cmp(&ey), a.cmp(&b));
            // Whatever follows does not change the order of what differs.
            if a != b {
                ex.extend(&tail);
                ey.extend(tail.iter().rev());
                prop_assert_eq!(ex.cmp(&ey), a.cmp(&b));
            }
        }

        #[test]
        fn what_begins_with_a_prefix_is_in_its_range(prefix: Vec<u8>, other: Vec<u8>) {
            let mut from = Vec::new();
            encode_open(&AttributeValue::B(Blob(prefix.clone())), &mut from);
            let key = encoded(&AttributeValue::B(Blob(other.clone())));
            let inside = key >= from && after_prefix(&from).is_none_or(|end| key < end);
            prop_assert_eq!(inside, other.starts_with(&prefix));
        }
    }
}

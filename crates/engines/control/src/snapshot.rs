//! The state of all parts at one position, kept as a blob.
//!
//! ```text
//! millrace-control 1 crc32c=89abcdef bytes=1234\n
//! {"index":42,"parts":{"1":{…},"2":{…}}}
//! ```
//! The first line is the format's version and the checksum and length of the JSON behind it. `index` is one behind
//! the last command that is contained. The blob's key is `control/<log id, hex>/<index, 20 digits>.snapshot`.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_blob::Blobs;
use millrace_log::LogId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ControlError;
use crate::limits::{SNAPSHOT_BYTES_MAX, SNAPSHOTS_KEPT};

const NAME: &str = "millrace-control";
/// The only version so far.
pub const VERSION: u32 = 1;
const FIRST_LINE_MAX: usize = 200;

/// The state of all parts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// One behind the last command that is contained.
    pub index: u64,
    /// Each part's state, JSON, by its number.
    pub parts: BTreeMap<u16, Box<RawValue>>,
}

/// Why a snapshot cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Its bytes are not the ones that were written: an older snapshot may do.
    Damaged(String),
    /// It is whole, but of a format this program does not know: going on would lose state.
    Unknown(String),
}

impl Snapshot {
    /// Its bytes.
    ///
    /// # Errors
    /// [`ControlError::Corrupt`] when a part's JSON cannot be written.
    pub fn encode(&self) -> Result<Bytes, ControlError> {
        let json = serde_json::to_string(self)
            .map_err(|error| ControlError::Corrupt(format!("a snapshot cannot be written: {error}")))?;
        let crc = crc32c::crc32c(json.as_bytes());
        let mut bytes = format!("{NAME} {VERSION} crc32c={crc:08x} bytes={}\n", json.len()).into_bytes();
        bytes.extend_from_slice(json.as_bytes());
        Ok(bytes.into())
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Unusable> {
        let damaged = |why: &str| Unusable::Damaged(why.to_owned());
        let end = bytes.iter().take(FIRST_LINE_MAX).position(|b| *b == b'\n');
        let (line, rest) = bytes.split_at(end.ok_or_else(|| damaged("it has no first line"))?);
        let json = rest.get(1..).unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|_| damaged("its first line is no text"))?;
        let mut words = line.split(' ');
        if words.next() != Some(NAME) {
            return Err(damaged("its first line does not start with 'millrace-control'"));
        }
        let version: u32 = words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| damaged("its version is no number"))?;
        if version != VERSION {
            return Err(Unusable::Unknown(format!(
                "it has format version {version}, this program knows version {VERSION}: start a newer program"
            )));
        }
        let expected = format!("crc32c={:08x} bytes={}", crc32c::crc32c(json), json.len());
        if !words.eq(expected.split(' ')) {
            return Err(damaged("its contents do not have the checksum of its first line"));
        }
        serde_json::from_slice(json)
            .map_err(|error| Unusable::Unknown(format!("it cannot be understood: {error}")))
    }
}

/// Where the snapshots of one control log are.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    blobs: Blobs,
    folder: String,
}

/// A snapshot that was found to be damaged.
#[derive(Debug)]
pub(crate) struct Damaged {
    pub(crate) key: String,
    pub(crate) why: String,
}

impl Store {
    pub(crate) fn new(blobs: Blobs, log: LogId) -> Self {
        Self {
            blobs,
            folder: format!("control/{:016x}", log.0),
        }
    }

    fn key(&self, index: u64) -> String {
        format!("{}/{index:020}.snapshot", self.folder)
    }

    /// The positions of the snapshots that are there, ascending.
    pub(crate) async fn indexes(&self) -> Result<Vec<u64>, ControlError> {
        let found = self.blobs.list(&self.folder).await?;
        let index = |key: &str| {
            key.strip_prefix(&self.folder)?
                .strip_prefix('/')?
                .strip_suffix(".snapshot")?
                .parse()
                .ok()
        };
        let mut indexes: Vec<u64> = found.iter().filter_map(|blob| index(&blob.key)).collect();
        indexes.sort_unstable();
        Ok(indexes)
    }

    /// The newest snapshot that is whole, if there is one, and the damaged ones that are newer.
    pub(crate) async fn newest(&self) -> Result<(Option<Snapshot>, Vec<Damaged>), ControlError> {
        let mut damaged = Vec::new();
        for index in self.indexes().await?.into_iter().rev() {
            let key = self.key(index);
            let bytes = match self.blobs.get(&key).await {
                Ok(bytes) => bytes,
                // Another node removed it behind newer ones.
                Err(millrace_blob::BlobError::NotFound(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            match Snapshot::decode(&bytes) {
                Ok(snapshot) if snapshot.index == index => return Ok((Some(snapshot), damaged)),
                Ok(snapshot) => {
                    let why = format!("it is of position {}, not {index}", snapshot.index);
                    damaged.push(Damaged { key, why });
                }
                Err(Unusable::Damaged(why)) => damaged.push(Damaged { key, why }),
                Err(Unusable::Unknown(why)) => {
                    return Err(ControlError::Corrupt(format!(
                        "snapshot '{key}' cannot be used: {why}"
                    )));
                }
            }
        }
        Ok((None, damaged))
    }

    /// Keeps the bytes of a snapshot and removes those that are too old. Yields how far back the kept ones reach:
    /// the log is not needed before that, if there is a value.
    pub(crate) async fn keep(&self, index: u64, bytes: Bytes) -> Result<Option<u64>, ControlError> {
        if bytes.len() as u64 > SNAPSHOT_BYTES_MAX {
            return Err(ControlError::TooLarge {
                bytes: bytes.len(),
                max: usize::try_from(SNAPSHOT_BYTES_MAX).unwrap_or(usize::MAX),
            });
        }
        self.blobs.put(&self.key(index), bytes).await?;
        let indexes = self.indexes().await?;
        let Some(old) = indexes.len().checked_sub(SNAPSHOTS_KEPT) else {
            return Ok(None);
        };
        for index in &indexes[..old] {
            self.blobs.delete(&self.key(*index)).await?;
        }
        Ok(indexes.get(old).copied())
    }

    /// Removes everything that was ever kept.
    pub(crate) async fn clear(&self) -> Result<(), ControlError> {
        for blob in self.blobs.list(&self.folder).await? {
            self.blobs.delete(&blob.key).await?;
        }
        Ok(())
    }

    /// Renames a damaged snapshot, so that it no longer counts as one of the kept.
    pub(crate) async fn set_aside(&self, damaged: &Damaged) -> Result<(), ControlError> {
        let bytes = self.blobs.get(&damaged.key).await?;
        self.blobs.put(&format!("{}.damaged", damaged.key), bytes).await?;
        self.blobs.delete(&damaged.key).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Snapshot {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let parts = [
            (1, raw(r#"{"n":340282366920938463463374607431768211455}"#)),
            (9, raw("null")),
        ];
        Snapshot {
            index: 42,
            parts: parts.into(),
        }
    }

    #[test]
    fn the_bytes_of_version_1_never_change() {
        let json = r#"{"index":42,"parts":{"1":{"n":340282366920938463463374607431768211455},"9":null}}"#;
        let crc = crc32c::crc32c(json.as_bytes());
        let expected = format!("millrace-control 1 crc32c={crc:08x} bytes={}\n{json}", json.len());
        assert_eq!(sample().encode().unwrap(), expected.as_bytes());
        let back = Snapshot::decode(expected.as_bytes()).unwrap();
        assert_eq!(back.encode().unwrap(), expected.as_bytes());
    }

    #[test]
    fn sound_bytes_that_are_no_snapshot_are_not_called_damaged() {
        let json = "[]";
        let crc = crc32c::crc32c(json.as_bytes());
        let bytes = format!("millrace-control 1 crc32c={crc:08x} bytes=2\n{json}");
        assert!(matches!(
            Snapshot::decode(bytes.as_bytes()),
            Err(Unusable::Unknown(_))
        ));
    }

    proptest! {
        #[test]
        fn a_flipped_or_missing_byte_is_noticed(at: prop::sample::Index, bit in 0u8..8, cut: bool) {
            let mut bytes = sample().encode().unwrap().to_vec();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
            prop_assert!(Snapshot::decode(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Snapshot::decode(&bytes);
        }
    }
}

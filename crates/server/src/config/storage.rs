//! `[storage]`: where records live and what durable means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use millrace_base::ByteSize;

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::{Values, bad};

/// The `data_dir` that keeps everything in memory.
pub const MEMORY: &str = ":memory:";

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageConfig {
    /// The directory that holds everything, or [`MEMORY`].
    pub data_dir: PathBuf,
    /// When a record counts as stored.
    pub durability: Durability,
    /// Size of a full-grown segment of the write-ahead log.
    pub segment: ByteSize,
    /// Unsealed bytes at which sealing starts.
    pub seal: ByteSize,
    /// Age of the oldest unsealed record at which sealing starts.
    pub seal_age: Duration,
    /// Unsealed bytes at which writes are refused until sealing has caught up.
    pub tail_cache: ByteSize,
}

/// When a record counts as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the device has confirmed it.
    Fsync,
    /// When the operating system has it.
    Os,
}

static DATA_DIR: Key = Key {
    name: "storage.data_dir",
    env: "MILLRACE_DATA_DIR",
    default: "millrace-data",
    kind: Kind::Text,
    doc: "The directory that holds everything; made at the first start. \":memory:\" keeps everything in memory, and \
          nothing survives the process.",
};
static DURABILITY: Key = Key {
    name: "storage.durability",
    env: "MILLRACE_STORAGE_DURABILITY",
    default: "fsync",
    kind: Kind::Text,
    doc: "\"fsync\": a record is acknowledged when the device has confirmed it, and survives a power failure. \"os\": \
          when the operating system has it; a power failure takes the last seconds.",
};
static SEGMENT: Key = Key {
    name: "storage.segment",
    env: "MILLRACE_STORAGE_SEGMENT",
    default: "64MiB",
    kind: Kind::Text,
    doc: "Size of a full-grown segment of the write-ahead log.",
};
static SEAL: Key = Key {
    name: "storage.seal",
    env: "MILLRACE_STORAGE_SEAL",
    default: "64MiB",
    kind: Kind::Text,
    doc: "Bytes in the write-ahead log at which they are moved into sorted files.",
};
static SEAL_AGE: Key = Key {
    name: "storage.seal_age_secs",
    env: "MILLRACE_STORAGE_SEAL_AGE_SECS",
    default: "600",
    kind: Kind::Number,
    doc: "Seconds after which records are moved into sorted files even if they are few.",
};
static TAIL_CACHE: Key = Key {
    name: "storage.tail_cache",
    env: "MILLRACE_STORAGE_TAIL_CACHE",
    default: "160MiB",
    kind: Kind::Text,
    doc: "Most bytes of records that wait in memory to be moved into sorted files; at this bound writes are refused \
          until the disk has caught up. More than storage.seal.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 6] = [&DATA_DIR, &DURABILITY, &SEGMENT, &SEAL, &SEAL_AGE, &TAIL_CACHE];

impl StorageConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let data_dir = values.text(&DATA_DIR).ok_or_else(|| {
            let set = values.get(&DATA_DIR);
            bad(&DATA_DIR, "", &set.source, "write a directory, or \":memory:\"")
        })?;
        let storage = Self {
            data_dir: PathBuf::from(data_dir),
            durability: values.choice(
                &DURABILITY,
                &[("fsync", Durability::Fsync), ("os", Durability::Os)],
            )?,
            segment: values.parse(&SEGMENT)?,
            seal: values.parse(&SEAL)?,
            seal_age: values.seconds(&SEAL_AGE)?,
            tail_cache: values.parse(&TAIL_CACHE)?,
        };
        if storage.segment < ByteSize::mib(1) || storage.segment > ByteSize::mib(1024) {
            let set = values.get(&SEGMENT);
            return Err(bad(
                &SEGMENT,
                &set.text,
                &set.source,
                "write a size between 1MiB and 1GiB",
            ));
        }
        if storage.tail_cache <= storage.seal || storage.seal.0 == 0 {
            return Err(ConfigError::Conflict(format!(
                "storage.tail_cache is {} and storage.seal is {}: sealing must start before writes are refused, so make \
                 storage.tail_cache the larger one",
                storage.tail_cache, storage.seal
            )));
        }
        Ok(storage)
    }

    /// The directory; `None` when everything is kept in memory.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        (self.data_dir != Path::new(MEMORY)).then_some(&self.data_dir)
    }
}

//! How the engine is opened, and why that can fail.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_base::{ByteSize, Clock, Rng};

use crate::LogId;
use crate::disk::Disk;

/// What "durable" means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The device has confirmed the bytes: acknowledged records survive a power failure.
    #[default]
    Fsync,
    /// The operating system has the bytes: acknowledged records survive the end of the process, and a power
    /// failure takes the last seconds. For tests and throw-away data.
    Os,
}

/// Called once, with the reason, when the storage failed in a way after which nothing may be acknowledged.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// How to open an [`EmbeddedLog`](super::EmbeddedLog).
#[derive(Clone)]
pub struct Options {
    /// Where the files are. Exactly one process may have it open.
    pub disk: Arc<dyn Disk>,
    /// Source of append times and of commit latencies.
    pub clock: Arc<dyn Clock>,
    /// Source of the store's secret that keeps record bytes from posing as batch headers.
    pub rng: Arc<dyn Rng>,
    /// When an append is acknowledged.
    pub durability: Durability,
    /// Size of the first segment of the write-ahead log; it is made at the first append. Later ones grow fourfold.
    pub first_segment_bytes: ByteSize,
    /// Size of a full-grown segment of the write-ahead log.
    pub segment_bytes: ByteSize,
    /// Unsealed record bytes at which sealing starts.
    pub seal_bytes: ByteSize,
    /// Age of the oldest unsealed record at which sealing starts.
    pub seal_age: Duration,
    /// Unsealed record bytes at which appends are refused until sealing has caught up.
    pub tail_cache_bytes: ByteSize,
    /// Logs of few and small records, to which can be appended while the disk is full: what decides about giving space
    /// back.
    pub urgent: Vec<LogId>,
    /// Bytes of parsed file footers kept in memory.
    pub footer_cache_bytes: ByteSize,
    /// Least bytes per second that sealing may write; it follows twice the incoming rate above it.
    pub seal_pace_bytes: ByteSize,
    /// Told when the storage failed for good; the process should then abort and recover by a restart.
    pub on_fatal: Option<OnFatal>,
}

impl Options {
    /// The defaults, in the directory `dir`, which is created if it is missing.
    ///
    /// # Errors
    /// The operating system's, when the directory cannot be made or opened.
    pub fn in_dir(dir: impl Into<PathBuf>, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> io::Result<Self> {
        Ok(Self::on_disk(
            Arc::new(crate::disk::RealDisk::open(dir.into())?),
            clock,
            rng,
        ))
    }

    /// The defaults on any disk.
    #[must_use]
    pub fn on_disk(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self {
            disk,
            clock,
            rng,
            durability: Durability::Fsync,
            first_segment_bytes: ByteSize::mib(1),
            segment_bytes: ByteSize::mib(64),
            seal_bytes: ByteSize::mib(64),
            seal_age: Duration::from_secs(600),
            tail_cache_bytes: ByteSize::mib(160),
            urgent: Vec::new(),
            footer_cache_bytes: ByteSize::mib(16),
            seal_pace_bytes: ByteSize::mib(64),
            on_fatal: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("disk", &self.disk)
            .field("durability", &self.durability)
            .field("segment_bytes", &self.segment_bytes)
            .field("seal_bytes", &self.seal_bytes)
            .field("seal_age", &self.seal_age)
            .finish_non_exhaustive()
    }
}

/// Why the engine did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the directory.
    #[error(
        "the log directory {0} is in use by another process: stop that process, or give this one its own directory"
    )]
    Locked(String),
    /// The directory holds a format this version does not know.
    #[error(
        "{file} has format version {found}, this version reads {known}: start the newer version that wrote it"
    )]
    Version {
        /// The file.
        file: String,
        /// What it says.
        found: u32,
        /// What is understood.
        known: u32,
    },
    /// Bytes that were acknowledged are not readable any more.
    #[error(
        "acknowledged records are damaged in {file}: {detail}. Nothing was changed. \
         Restore the whole directory from a backup, or copy it aside and start with an empty one"
    )]
    Damaged {
        /// The file.
        file: String,
        /// Where and how.
        detail: String,
    },
    /// The disk failed.
    #[error("cannot {doing} {file}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        file: String,
        /// The operating system's reason.
        source: io::Error,
    },
}

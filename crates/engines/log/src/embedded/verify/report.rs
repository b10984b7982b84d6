//! What a look through a store found.

use std::collections::BTreeMap;

use millrace_base::Timestamp;

use crate::{FrozenLog, LogId, Offset, Tail};

/// Whether something is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; everything that was acknowledged is there.
    Notice,
    /// Bytes are not what was written.
    Damage,
}

/// What is wrong. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The MANIFEST is missing, or its header or tables are damaged: nothing can be found without it.
    Manifest,
    /// An edit of the MANIFEST is damaged, and later ones are whole.
    ManifestEdit,
    /// Something behind the last whole edit of the MANIFEST, as a crash leaves it.
    ManifestUnfinished,
    /// A sealed file is missing.
    FileMissing,
    /// A sealed file has another length than the MANIFEST says.
    FileLength,
    /// A sealed file's footer or trailer is damaged: nothing in it can be found.
    FileFooter,
    /// A block of a sealed file is damaged.
    Block,
    /// What a sealed file's footer says of its blocks is not so.
    BlockOrder,
    /// Two sealed files hold the same records.
    FileOverlap,
    /// A sealed file that the MANIFEST does not list; the next start removes it.
    FileOrphan,
    /// An acknowledged batch of the write-ahead log is damaged.
    WalBatch,
    /// A batch of the write-ahead log is whole, but does not follow from those before it.
    WalOrder,
    /// A write to the write-ahead log that was cut off, and that nothing says was acknowledged.
    WalUnfinished,
    /// Records that should be somewhere are nowhere.
    RecordsMissing,
    /// The disk does not give a file's bytes.
    Unreadable,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::ManifestEdit => "manifest-edit",
            Self::ManifestUnfinished => "manifest-unfinished",
            Self::FileMissing => "file-missing",
            Self::FileLength => "file-length",
            Self::FileFooter => "file-footer",
            Self::Block => "block",
            Self::BlockOrder => "block-order",
            Self::FileOverlap => "file-overlap",
            Self::FileOrphan => "file-orphan",
            Self::WalBatch => "wal-batch",
            Self::WalOrder => "wal-order",
            Self::WalUnfinished => "wal-unfinished",
            Self::RecordsMissing => "records-missing",
            Self::Unreadable => "unreadable",
        }
    }

    /// Whether it is damage.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::ManifestUnfinished | Self::FileOverlap | Self::FileOrphan | Self::WalUnfinished => {
                Severity::Notice
            }
            _ => Severity::Damage,
        }
    }
}

/// Records that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Whose.
    pub log: LogId,
    /// The first.
    pub first: Offset,
    /// One behind the last.
    pub end: Offset,
    /// None of them is older.
    pub from: Option<Timestamp>,
    /// None of them is newer.
    pub until: Option<Timestamp>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// In which file of the directory.
    pub file: String,
    /// From which byte on, where that can be told.
    pub offset: Option<u64>,
    /// How many bytes, where that can be told.
    pub bytes: Option<u64>,
    /// The end of a sentence that starts with the file.
    pub detail: String,
    /// What cannot be read because of it; records that nobody wants any more are left out.
    pub lost: Vec<Lost>,
}

/// What lies behind the first acknowledged batch of the write-ahead log that is missing. Recovery takes none of it; a
/// repair gives it up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutOff {
    /// The batch that is missing.
    pub batch: u64,
    /// Whole batches behind it.
    pub batches: u64,
    /// Records from there on, in it and behind it, as far as can be told.
    pub records: Vec<Lost>,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whole blocks of sealed files.
    pub blocks: u64,
    /// Whole batches of the write-ahead log that are in no sealed file yet.
    pub batches: u64,
    /// Records in those.
    pub records: u64,
}

/// What a look through a store found.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the files.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub checked: Checked,
    /// What the damage of an acknowledged batch keeps recovery from taking.
    pub cut_off: Option<CutOff>,
    /// Every log that is there; what is cut off is counted.
    pub logs: BTreeMap<LogId, Tail>,
    /// The logs that were asked for, as far as they can be read.
    pub kept: Vec<FrozenLog>,
}

impl Report {
    /// Whether something is damaged.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.kind.severity() == Severity::Damage)
    }
}

impl Finding {
    pub(super) fn new(kind: Kind, file: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            file: file.into(),
            offset: None,
            bytes: None,
            detail: detail.into(),
            lost: Vec::new(),
        }
    }

    /// Where in the file.
    pub(super) fn at(self, offset: u64, bytes: u64) -> Self {
        Self {
            offset: Some(offset),
            bytes: Some(bytes),
            ..self
        }
    }
}

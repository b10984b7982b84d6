//! What a look through a data directory found, in the words of those who use the server.

use std::fmt;

use millrace_base::Timestamp;
use millrace_log::embedded::verify::{Checked as LogChecked, Severity as LogSeverity};
use millrace_wire::timestamp::iso8601;
use serde::{Serialize, Serializer};

/// Whether something is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; everything that was acknowledged is there.
    Notice,
    /// Bytes are not what was written.
    Damage,
}

impl From<LogSeverity> for Severity {
    fn from(severity: LogSeverity) -> Self {
        match severity {
            LogSeverity::Notice => Self::Notice,
            LogSeverity::Damage => Self::Damage,
        }
    }
}

/// What records belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Owner {
    /// Everything but records: streams, users, tables, progress.
    ControlPlane,
    /// CloudWatch's metrics.
    Metrics,
    /// A shard.
    Shard {
        /// Twelve digits.
        account: String,
        /// Such as `us-east-1`.
        region: String,
        /// The stream's name.
        stream: String,
        /// The shard's id.
        shard: String,
    },
    /// Who got which record of a queue.
    Queue {
        /// Twelve digits.
        account: String,
        /// Such as `us-east-1`.
        region: String,
        /// The queue's name.
        queue: String,
        /// Its stream's name.
        stream: String,
    },
    /// Something that is about to come or to go.
    Passing,
    /// Nothing that is known.
    Unknown {
        /// The log's number.
        log: u64,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlPlane => f.write_str("the control plane (streams, users, tables, progress)"),
            Self::Metrics => f.write_str("CloudWatch's metrics"),
            Self::Shard {
                account,
                region,
                stream,
                shard,
            } => write!(f, "stream {stream}, {shard} (account {account}, {region})"),
            Self::Queue {
                account,
                region,
                queue,
                stream,
            } => write!(
                f,
                "queue {queue} of stream {stream} (account {account}, {region})"
            ),
            Self::Passing => f.write_str("a shard or queue that is being made or deleted"),
            Self::Unknown { log } => write!(f, "log {log}"),
        }
    }
}

/// Records that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// Whose.
    #[serde(flatten)]
    pub owner: Owner,
    /// How many.
    pub records: u64,
    /// Sequence number of the first, of a shard. Its last digits, which hold the record's second, may differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_sequence_number: Option<String>,
    /// Sequence number of the last, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sequence_number: Option<String>,
    /// None of them is older.
    #[serde(serialize_with = "iso", skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// None of them is newer.
    #[serde(serialize_with = "iso", skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A time as people read it.
#[must_use]
fn shown(time: Timestamp) -> String {
    iso8601(i64::try_from(time.0).unwrap_or(i64::MAX))
}

#[expect(clippy::ref_option, reason = "serde hands it over like this")]
fn iso<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&shown(*time)),
        None => serializer.serialize_none(),
    }
}

impl fmt::Display for Affected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.records == 1 { "" } else { "s" };
        write!(f, "{}: {} record{plural}", self.owner, self.records)?;
        if let (Some(first), Some(last)) = (&self.first_sequence_number, &self.last_sequence_number) {
            write!(f, ", sequence numbers {first} to {last}")?;
        }
        match (self.from, self.until) {
            (Some(from), Some(until)) => write!(f, ", put between {} and {}", shown(from), shown(until)),
            (None, Some(until)) => write!(f, ", put before {}", shown(until)),
            _ => Ok(()),
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether something is lost.
    pub severity: Severity,
    /// What it is; stable, for scripts. `docs/operations/damage.md` explains each.
    pub kind: &'static str,
    /// The file, from the data directory on.
    pub file: String,
    /// From which byte on, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many bytes, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The end of a sentence that starts with the file.
    pub detail: String,
    /// What cannot be read because of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<Affected>,
    /// What that means, and what to do.
    pub advice: &'static str,
}

impl Finding {
    pub(super) fn new(severity: Severity, kind: &'static str, file: impl Into<String>) -> Self {
        Self {
            severity,
            kind,
            file: file.into(),
            offset: None,
            bytes: None,
            detail: String::new(),
            affected: Vec::new(),
            advice: super::advice::of(kind),
        }
    }

    pub(super) fn saying(self, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whole blocks of sealed files.
    pub blocks: u64,
    /// Whole batches of the write-ahead log that are in no sealed file yet.
    pub batches: u64,
    /// Records in those, of every kind.
    pub records: u64,
    /// Logs: shards, queues, the control plane, metrics.
    pub logs: u64,
    /// Snapshots and checkpoints.
    pub snapshots: u64,
    /// Files of master keys.
    pub keys: u64,
    /// Streams that the control plane knows; nothing where it could not be read.
    pub streams: Option<u64>,
}

impl Checked {
    pub(super) fn of(log: &LogChecked, logs: usize) -> Self {
        Self {
            files: log.files,
            bytes: log.bytes,
            blocks: log.blocks,
            batches: log.batches,
            records: log.records,
            logs: logs as u64,
            ..Self::default()
        }
    }
}

/// What is behind a damaged batch of the write-ahead log, which keeps the server from starting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivesUp {
    /// The damaged batch.
    pub batch: u64,
    /// Whole batches behind it.
    pub batches: u64,
    /// Records from there on. Whatever else was changed since – streams, users, tables, progress – is undone with them.
    pub records: Vec<Affected>,
}

/// What a look through a data directory found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What was looked at.
    pub checked: Checked,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What `doctor --repair` would give up, where the write-ahead log is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gives_up: Option<GivesUp>,
}

impl Verified {
    /// Whether something is damaged.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Damage)
    }
}

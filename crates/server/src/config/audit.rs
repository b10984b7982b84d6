//! `[audit]`: the log of control-plane calls.

use millrace_base::ByteSize;

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::{Values, bad};

/// The section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Whether entries are kept.
    pub enabled: bool,
    /// Size at which a file turns over.
    pub file_max: ByteSize,
    /// Files that are kept, the one that is written included.
    pub files_max: u32,
}

static ENABLED: Key = Key {
    name: "audit.enabled",
    env: "MILLRACE_AUDIT",
    default: "true",
    kind: Kind::Bool,
    doc: "Keep an entry for every control-plane call in audit/audit.jsonl of the data directory: who, from where, what, \
          and what became of it. Without a data directory nothing is kept.",
};
static FILE_MAX: Key = Key {
    name: "audit.file_max",
    env: "MILLRACE_AUDIT_FILE_MAX",
    default: "64MiB",
    kind: Kind::Text,
    doc: "Size at which the file turns over to audit.1.jsonl, that one to audit.2.jsonl, and so on.",
};
static FILES_MAX: Key = Key {
    name: "audit.files_max",
    env: "MILLRACE_AUDIT_FILES_MAX",
    default: "8",
    kind: Kind::Number,
    doc: "Files that are kept; the oldest is removed.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 3] = [&ENABLED, &FILE_MAX, &FILES_MAX];

impl AuditConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let file_max: ByteSize = values.parse(&FILE_MAX)?;
        if file_max < ByteSize::mib(1) {
            let set = values.get(&FILE_MAX);
            return Err(bad(
                &FILE_MAX,
                &set.text,
                &set.source,
                "write a size of at least 1MiB",
            ));
        }
        Ok(Self {
            enabled: values.parse(&ENABLED)?,
            file_max,
            files_max: u32::try_from(values.number(&FILES_MAX, 1, 1000)?).unwrap_or(1000),
        })
    }
}

//! Sealed files: where records live once they left the write-ahead log.

mod buffers;
pub(super) mod format;
mod groups;
mod open;
#[cfg(test)]
mod tests;
mod write;

use std::time::Duration;

pub(super) use open::{DamagedBlock, FooterCache, OpenFile};
pub(super) use write::Writer;

const PREFIX: &str = "seg-";

/// A file's name.
pub(super) fn name_of(file: u64) -> String {
    format!("{PREFIX}{file:016x}")
}

/// The number in a file's name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_prefix(PREFIX)?, 16).ok()
}

/// Logs whose records die at about the same time share files: up to a day, a week, a month, a year, for ever.
pub(super) fn class_of(retention_ms: u64) -> u8 {
    const DAY: Duration = Duration::from_secs(86_400);
    let retention = Duration::from_millis(retention_ms);
    let classes = [(1, 0), (7, 1), (30, 2), (366, 3)];
    classes
        .into_iter()
        .find(|(days, _)| retention <= DAY * *days)
        .map_or(4, |(_, class)| class)
}

//! Which shards there were at a time.
//!
//! A shard lives from its birth to its closing, birth included and closing excluded. A reshard closes parents and
//! bears children at one and the same instant, so the shards that live at any instant tile the whole hash-key space
//! exactly: no hole, no overlap. Clients check that and refuse to start otherwise. Shards that are only a step of a
//! larger reshard close at the instant of their birth and never live.

use millrace_base::Timestamp;

use super::HashRange;

/// From birth to closing; open while `closed` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Birth.
    pub created: Timestamp,
    /// Closing.
    pub closed: Option<Timestamp>,
}

impl Life {
    /// Whether the shard lives at `time`: filter `AT_TIMESTAMP`, and `AT_TRIM_HORIZON` for the horizon.
    #[must_use]
    pub fn at(self, time: Timestamp) -> bool {
        self.created <= time && self.closed.is_none_or(|closed| time < closed)
    }

    /// Whether the shard is open or was closed at `time` or later: filter `FROM_TIMESTAMP`.
    #[must_use]
    pub fn from(self, time: Timestamp) -> bool {
        self.closed.is_none_or(|closed| closed >= time)
    }
}

/// Whether `ranges` tile the whole hash-key space exactly.
#[must_use]
pub fn is_exact<I: IntoIterator<Item = HashRange>>(ranges: I) -> bool {
    let mut ranges: Vec<HashRange> = ranges.into_iter().collect();
    ranges.sort_unstable();
    let first = ranges.first().is_some_and(|range| range.start == 0);
    let last = ranges.last().is_some_and(|range| range.end == u128::MAX);
    first
        && last
        && ranges
            .windows(2)
            .all(|pair| matches!(pair, [lower, upper] if lower.touches(*upper)))
}

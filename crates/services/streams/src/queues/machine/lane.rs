//! Records by the time at which they become visible; no part of the state, since all of it follows from the records.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use millrace_base::Timestamp;
use millrace_log::Offset;

use crate::state::ShardIndex;

/// When a record becomes visible, and which it is.
pub(super) type Due = (Timestamp, ShardIndex, Offset);

/// The records of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lane {
    /// Not visible before their time.
    pub(super) hidden: BTreeSet<Due>,
    /// Visible, the one that is so for longest first.
    pub(super) visible: BTreeSet<Due>,
}

impl Lane {
    pub(super) fn remove(&mut self, due: &Due) {
        if !self.hidden.remove(due) {
            self.visible.remove(due);
        }
    }

    /// Takes out the hidden record that is due first, if its time has come.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Due> {
        let first = *self.hidden.first()?;
        (first.0 <= now && self.hidden.remove(&first)).then_some(first)
    }

    /// Hidden records whose time has come, though no command has said so yet.
    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = &Due> {
        self.hidden.range(until(now))
    }

    /// When the next record becomes visible after `now`.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let behind = *until(now).end();
        let mut later = self
            .hidden
            .range((std::ops::Bound::Excluded(behind), std::ops::Bound::Unbounded));
        later.next().map(|(at, _, _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.hidden.len() + self.visible.len()
    }
}

fn until(now: Timestamp) -> RangeInclusive<Due> {
    (Timestamp(0), ShardIndex(0), 0)..=(now, ShardIndex(u32::MAX), Offset::MAX)
}

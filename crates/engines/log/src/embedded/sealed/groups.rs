//! Blocks that were read lately, checked and taken apart. Sealed files are read past the operating system's cache, so
//! this is what serves readers that follow each other, or one that reads a few records at a time.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::format::{BlockInfo, ExtentInfo};
use crate::embedded::codec::{as_u64, as_usize};
use crate::embedded::limits::{GROUP_READ_BYTES, GROUPS_BYTES_MAX};
use crate::embedded::state::Cached;

/// The runs of a group's blocks; `None` is a damaged block.
pub(super) type Group = Vec<Option<Vec<Cached>>>;
/// A group's file, and the position of its first block there.
pub(super) type Key = (u64, u64);

/// The group of blocks that `block` is read with. Groups begin at fixed places, so that every reader finds the same.
pub(super) fn group_of(extent: &ExtentInfo, blocks: &[BlockInfo], block: usize) -> Range<usize> {
    let number =
        |block: &BlockInfo| block.position.saturating_sub(extent.position) / as_u64(GROUP_READ_BYTES);
    let Some(wanted) = blocks.get(block).map(number) else {
        return 0..0;
    };
    let begin = blocks.partition_point(|block| number(block) < wanted);
    let end = blocks.partition_point(|block| number(block) <= wanted);
    begin..end
}

/// Bytes of memory that a group takes besides what was read.
pub(super) fn overhead(group: &Group) -> usize {
    let runs = group.iter().flatten().flatten();
    runs.map(|run| size_of::<Cached>() + size_of_val(&*run.ends))
        .sum()
}

/// Bytes of neighbouring blocks, with what lies between them.
pub(super) fn span_of(group: &[BlockInfo]) -> usize {
    let begin = group.first().map_or(0, |block| block.position);
    let end = group
        .last()
        .map_or(0, |block| block.position.saturating_add(u64::from(block.len)));
    as_usize(end.saturating_sub(begin))
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    groups: HashMap<Key, Held>,
    /// By when they were used, which no two share.
    order: BTreeMap<u64, Key>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Held {
    group: Arc<Group>,
    bytes: usize,
    used: u64,
}

impl Groups {
    pub(super) fn get(&self, key: Key) -> Option<Arc<Group>> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *guard;
        let held = inner.groups.get_mut(&key)?;
        inner.clock += 1;
        inner.order.remove(&held.used);
        inner.order.insert(inner.clock, key);
        held.used = inner.clock;
        Some(Arc::clone(&held.group))
    }

    /// Keeps a group that takes `bytes` of memory; those that were not used for longest go.
    pub(super) fn put(&self, key: Key, group: Arc<Group>, bytes: usize) {
        if bytes > GROUPS_BYTES_MAX {
            return;
        }
        // Freed when the lock is.
        let mut gone = Vec::new();
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *guard;
        // Another reader may have read the same in the meantime.
        gone.extend(inner.remove(key));
        while inner.bytes + bytes > GROUPS_BYTES_MAX
            && let Some((_, oldest)) = inner.order.first_key_value()
        {
            let oldest = *oldest;
            gone.extend(inner.remove(oldest));
        }
        inner.clock += 1;
        let used = inner.clock;
        inner.bytes += bytes;
        inner.order.insert(used, key);
        inner.groups.insert(key, Held { group, bytes, used });
        drop(guard);
    }
}

impl Inner {
    fn remove(&mut self, key: Key) -> Option<Held> {
        let held = self.groups.remove(&key)?;
        self.order.remove(&held.used);
        self.bytes -= held.bytes;
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogId;

    #[test]
    fn every_block_has_one_group() {
        let base = 12_345;
        let extent = ExtentInfo {
            log: LogId(1),
            first: 0,
            end: 100,
            first_time: Default::default(),
            last_time: Default::default(),
            position: base,
            len: 0,
            bytes: 0,
            block_from: 0,
            blocks: 0,
        };
        let mut position = base;
        let blocks: Vec<BlockInfo> = (0..100)
            .map(|i| {
                let len = 60_000 + i * 10 + if i == 50 { 5 << 20 } else { 0 };
                position += u64::from(len);
                BlockInfo {
                    first: u64::from(i),
                    last_time: Default::default(),
                    position: position - u64::from(len),
                    len,
                    records: 1,
                }
            })
            .collect();
        let mut seen = 0;
        while seen < blocks.len() {
            let group = group_of(&extent, &blocks, seen);
            assert_eq!(group.start, seen);
            for at in group.clone() {
                assert_eq!(group_of(&extent, &blocks, at), group);
            }
            assert!(span_of(&blocks[seen..group.end - 1]) < GROUP_READ_BYTES);
            seen = group.end;
        }
        assert_eq!(group_of(&extent, &blocks, 100), 0..0);
    }

    #[test]
    fn the_longest_unused_go_first_and_the_bound_holds() {
        let groups = Groups::default();
        let third = GROUPS_BYTES_MAX / 3;
        for file in 0..3 {
            groups.put((file, 0), Arc::default(), third);
        }
        assert!(groups.get((0, 0)).is_some());
        groups.put((3, 0), Arc::default(), third);
        groups.put((3, 0), Arc::default(), third);
        groups.put((4, 0), Arc::default(), GROUPS_BYTES_MAX + 1);
        let held: Vec<bool> = (0..5).map(|file| groups.get((file, 0)).is_some()).collect();
        assert_eq!(held, [true, false, true, true, false]);
        let inner = groups.0.lock().unwrap();
        assert_eq!((inner.bytes, inner.order.len()), (3 * third, 3));
    }
}

//! Pages of items, for Query and Scan: a bounded walk along keys.

use std::ops::Bound;
use std::sync::Arc;

use super::index;
use super::table::{StoredItem, Table};
use crate::dynamodb::limits::{PAGE_BYTES_MAX, PAGE_ITEMS_MAX};
use crate::dynamodb::model::Item;
use crate::dynamodb::model::key::{KeyBytes, after_prefix};

/// A range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    from: Bound<KeyBytes>,
    to: Bound<KeyBytes>,
}

impl Range {
    /// Everything.
    pub const ALL: Self = Self {
        from: Bound::Unbounded,
        to: Bound::Unbounded,
    };

    /// All that begin with `prefix`.
    #[must_use]
    pub fn beginning_with(prefix: KeyBytes) -> Self {
        Self {
            to: until(&prefix),
            from: Bound::Included(prefix),
        }
    }

    /// Nothing that sorts before `from`.
    #[must_use]
    pub fn starting_at(mut self, from: KeyBytes) -> Self {
        self.from = Bound::Included(from);
        self
    }

    /// Nothing that sorts before or begins with `from`.
    #[must_use]
    pub fn starting_behind(mut self, from: &[u8]) -> Self {
        match after_prefix(from) {
            Some(behind) => self.from = Bound::Included(behind),
            // Nothing is behind it, and nothing before the empty key.
            None => self.to = Bound::Excluded(KeyBytes::new()),
        }
        self
    }

    /// Nothing from `to` on.
    #[must_use]
    pub fn ending_before(mut self, to: KeyBytes) -> Self {
        self.to = Bound::Excluded(to);
        self
    }

    /// Nothing behind those that begin with `to`.
    #[must_use]
    pub fn ending_with(mut self, to: &[u8]) -> Self {
        self.to = until(to);
        self
    }

    /// What is left behind `key`, going this way.
    #[must_use]
    pub fn resumed(mut self, key: KeyBytes, reverse: bool) -> Self {
        if reverse {
            self.to = Bound::Excluded(key);
        } else {
            self.from = Bound::Excluded(key);
        }
        self
    }

    /// Whether a key is in it.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        let behind = match &self.from {
            Bound::Included(from) => key >= from.as_slice(),
            Bound::Excluded(from) => key > from.as_slice(),
            Bound::Unbounded => true,
        };
        let before = match &self.to {
            Bound::Included(to) => key <= to.as_slice(),
            Bound::Excluded(to) => key < to.as_slice(),
            Bound::Unbounded => true,
        };
        behind && before
    }

    /// Whether its bounds leave nothing between them.
    fn is_empty(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Included(from), Bound::Included(to)) => from > to,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => {
                from >= to
            }
            _ => false,
        }
    }
}

fn until(prefix: &[u8]) -> Bound<KeyBytes> {
    after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded)
}

/// What is read at once.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In the order that was asked for.
    pub items: Vec<Arc<StoredItem>>,
    /// Their size as the table or the index has them, in bytes.
    pub bytes: usize,
    /// The walk ended for a bound of the page, not for the end of the range.
    pub cut: bool,
}

impl Table {
    /// Walks along the table's own keys, or those of the index at that place, until `limit` items or the bounds of a
    /// page are reached.
    #[must_use]
    pub fn page(&self, index: Option<usize>, range: &Range, reverse: bool, limit: usize) -> Page {
        let mut page = Page::default();
        let definition = index.and_then(|at| self.definition.indexes.get(at));
        let entries = match index {
            None => Some(&self.items),
            Some(at) => self.indexes.get(at).map(|index| &index.entries),
        };
        let Some(entries) = entries.filter(|_| !range.is_empty()) else {
            return page;
        };
        let mut walk = entries.range((range.from.clone(), range.to.clone()));
        let limit = limit.min(PAGE_ITEMS_MAX);
        loop {
            if page.items.len() >= limit || page.bytes >= PAGE_BYTES_MAX {
                page.cut = true;
                return page;
            }
            let next = if reverse { walk.next_back() } else { walk.next() };
            let Some((_, item)) = next else { return page };
            page.bytes += match definition {
                Some(index) => index.projected_size(&self.definition.key, item),
                None => item.size(),
            };
            page.items.push(Arc::clone(item));
        }
    }

    /// The key by which a walk goes on behind an item, from attributes that have its keys among them.
    #[must_use]
    pub fn place(&self, index: Option<usize>, keyed: &Item) -> Option<KeyBytes> {
        let key = self.definition.key.bytes_of(keyed)?;
        match index {
            None => Some(key),
            Some(at) => index::place(self.definition.indexes.get(at)?, keyed, &key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_cross_are_empty() {
        let range = Range::beginning_with(b"b".to_vec());
        assert!(!range.is_empty() && range.contains(b"bz") && !range.contains(b"c") && !range.contains(b"a"));
        assert!(range.clone().resumed(b"zz".to_vec(), false).is_empty());
        assert!(range.clone().resumed(b"a".to_vec(), true).is_empty());
        assert!(range.clone().starting_behind(b"b").is_empty());
        assert!(range.ending_before(b"b".to_vec()).is_empty());
        assert!(!Range::ALL.is_empty());
    }
}

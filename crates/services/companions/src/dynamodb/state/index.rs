//! A secondary index: the items that have its key, in its order. It has no entry for the others (it is sparse).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::IndexDefinition;
use super::table::StoredItem;
use crate::dynamodb::model::key::KeyBytes;
use crate::dynamodb::model::{Item, KeySchema};

/// Entries of an index. Each is the whole item; what the index has of it is chosen by who reads.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) entries: BTreeMap<KeyBytes, Arc<StoredItem>>,
    bytes: u64,
}

/// Where an item stands in an index; `None` where it has no entry.
pub(super) fn place(definition: &IndexDefinition, item: &Item, key: &[u8]) -> Option<KeyBytes> {
    let mut place = definition.key.bytes_of(item)?;
    place.extend_from_slice(key);
    Some(place)
}

impl Index {
    /// The index of these items.
    pub(super) fn of(
        definition: &IndexDefinition,
        table: &KeySchema,
        items: &BTreeMap<KeyBytes, Arc<StoredItem>>,
    ) -> Self {
        let mut index = Self::default();
        for (key, item) in items {
            index.set(definition, table, key, (None, Some(item)));
        }
        index
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Size of what it has, in bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The item of a key was and is now.
    pub(super) fn set(
        &mut self,
        definition: &IndexDefinition,
        table: &KeySchema,
        key: &[u8],
        (old, new): (Option<&Arc<StoredItem>>, Option<&Arc<StoredItem>>),
    ) {
        let size = |item: &StoredItem| u64::try_from(definition.projected_size(table, item)).unwrap_or(0);
        if let Some(old) = old
            && let Some(place) = place(definition, old, key)
        {
            self.entries.remove(&place);
            self.bytes = self.bytes.saturating_sub(size(old));
        }
        if let Some(new) = new
            && let Some(place) = place(definition, new, key)
        {
            self.entries.insert(place, Arc::clone(new));
            self.bytes = self.bytes.saturating_add(size(new));
        }
    }
}

//! A table: its items by key, and its indexes.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use super::Described;
use super::definition::Definition;
use super::expiry::{Expiring, moment};
use super::index::Index;
use crate::dynamodb::limits::ITEM_OVERHEAD_BYTES;
use crate::dynamodb::model::Item;
use crate::dynamodb::model::key::KeyBytes;
use crate::dynamodb::model::value::item_size;

/// An item with its size.
#[derive(Debug, PartialEq, Eq)]
pub struct StoredItem {
    item: Item,
    size: usize,
}

impl StoredItem {
    /// Weighs an item.
    #[must_use]
    pub fn new(item: Item) -> Self {
        let size = item_size(&item);
        Self { item, size }
    }

    /// Its size, in bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// What it counts for among all items.
    pub(super) fn footprint(&self) -> u64 {
        u64::try_from(self.size)
            .unwrap_or(u64::MAX)
            .saturating_add(ITEM_OVERHEAD_BYTES)
    }
}

impl Deref for StoredItem {
    type Target = Item;

    fn deref(&self) -> &Item {
        &self.item
    }
}

/// A table.
#[derive(Debug)]
pub struct Table {
    pub(super) definition: Arc<Definition>,
    pub(super) items: BTreeMap<KeyBytes, Arc<StoredItem>>,
    /// One for each index of the definition.
    pub(super) indexes: Vec<Index>,
    /// Size of the items, in bytes.
    bytes: u64,
    /// Those items that expire.
    pub(super) expiring: Expiring,
}

impl Table {
    /// An empty table.
    pub(super) fn new(definition: Definition) -> Self {
        Self {
            items: BTreeMap::new(),
            indexes: definition.indexes.iter().map(|_| Index::default()).collect(),
            definition: Arc::new(definition),
            bytes: 0,
            expiring: Expiring::new(),
        }
    }

    /// A table with these items. What has no key, which nothing that was stored lacks, is left out.
    pub(super) fn with_items(definition: Definition, items: Vec<Item>) -> Self {
        let mut table = Self::new(definition);
        for item in items {
            if let Some(key) = table.definition.key.bytes_of(&item) {
                table.set(key, Some(Arc::new(StoredItem::new(item))));
            }
        }
        table
    }

    /// How it was defined.
    #[must_use]
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item whose key is among these attributes.
    #[must_use]
    pub fn get(&self, keyed: &Item) -> Option<&Arc<StoredItem>> {
        self.items.get(&self.definition.key.bytes_of(keyed)?)
    }

    /// What DescribeTable says.
    #[must_use]
    pub fn describe(&self) -> Described {
        Described {
            definition: Arc::clone(&self.definition),
            items: self.items.len(),
            bytes: self.bytes,
            indexes: self
                .indexes
                .iter()
                .map(|index| (index.len(), index.bytes()))
                .collect(),
        }
    }

    /// What it counts for among all tables.
    pub(super) fn footprint(&self) -> u64 {
        let items = u64::try_from(self.items.len()).unwrap_or(u64::MAX);
        self.bytes
            .saturating_add(items.saturating_mul(ITEM_OVERHEAD_BYTES))
    }

    /// Puts or removes the item of a key, in the indexes too.
    pub(super) fn set(&mut self, key: KeyBytes, item: Option<Arc<StoredItem>>) {
        let size = |item: &Option<Arc<StoredItem>>| {
            item.as_ref()
                .map_or(0, |item| u64::try_from(item.size()).unwrap_or(0))
        };
        let old = self.items.get(&key).cloned();
        self.bytes = self.bytes.saturating_sub(size(&old)).saturating_add(size(&item));
        for (index, definition) in self.indexes.iter_mut().zip(&self.definition.indexes) {
            index.set(
                definition,
                &self.definition.key,
                &key,
                (old.as_ref(), item.as_ref()),
            );
        }
        let attribute = self.definition.time_to_live.as_deref();
        if let Some(moment) = old.as_ref().and_then(|old| moment(attribute, old)) {
            self.expiring.remove(&(moment, key.clone()));
        }
        if let Some(moment) = item.as_ref().and_then(|item| moment(attribute, item)) {
            self.expiring.insert((moment, key.clone()));
        }
        match item {
            Some(item) => self.items.insert(key, item),
            None => self.items.remove(&key),
        };
    }

    /// Replaces the definition. Indexes that stay are kept, new ones are made of the items.
    pub(super) fn redefine(&mut self, definition: Definition) {
        let mut old: BTreeMap<&str, Index> = BTreeMap::new();
        let before = Arc::clone(&self.definition);
        for (index, definition) in std::mem::take(&mut self.indexes).into_iter().zip(&before.indexes) {
            old.insert(&definition.name, index);
        }
        let items = &self.items;
        self.indexes = definition
            .indexes
            .iter()
            .map(|index| {
                let kept = old.remove(index.name.as_str());
                kept.unwrap_or_else(|| Index::of(index, &definition.key, items))
            })
            .collect();
        self.definition = Arc::new(definition);
    }
}

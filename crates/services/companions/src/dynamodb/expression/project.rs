//! The parts of an item that a projection asks for. Elements of lists move together, in their order.

use std::collections::BTreeMap;

use super::ast::{Path, Projection, Segment};
use crate::dynamodb::model::{AttributeValue, Item};

/// Where paths lead, joined at what they share; one without branches stands for all below.
#[derive(Debug, Default)]
struct Tree<'a>(BTreeMap<&'a Segment, Self>);

impl<'a> Tree<'a> {
    fn insert(&mut self, path: &'a [Segment]) {
        let mut tree = self;
        for segment in path {
            tree = tree.0.entry(segment).or_default();
        }
    }

    fn pick(&self, value: &AttributeValue) -> Option<AttributeValue> {
        if self.0.is_empty() {
            return Some(value.clone());
        }
        match value {
            AttributeValue::M(entries) => {
                let picked = self.0.iter().filter_map(|(segment, below)| match segment {
                    Segment::Name(name) => Some((name.clone(), below.pick(entries.get(name)?)?)),
                    Segment::Index(_) => None,
                });
                Some(picked.collect::<Item>())
                    .filter(|m| !m.is_empty())
                    .map(AttributeValue::M)
            }
            AttributeValue::L(items) => {
                let picked = self.0.iter().filter_map(|(segment, below)| match segment {
                    Segment::Index(index) => below.pick(items.get(usize::try_from(*index).ok()?)?),
                    Segment::Name(_) => None,
                });
                Some(picked.collect::<Vec<_>>())
                    .filter(|l| !l.is_empty())
                    .map(AttributeValue::L)
            }
            _ => None,
        }
    }
}

/// What of an item is at the paths of a projection.
#[must_use]
pub fn project(item: &Item, projection: &Projection) -> Item {
    pick(item, projection.0.iter())
}

/// What of an item is at these paths.
pub(crate) fn pick<'a>(item: &Item, paths: impl Iterator<Item = &'a Path>) -> Item {
    let mut trees: BTreeMap<&str, Tree<'_>> = BTreeMap::new();
    for path in paths {
        trees.entry(&path.head).or_default().insert(&path.tail);
    }
    let picked = trees
        .into_iter()
        .filter_map(|(name, tree)| Some((name.to_owned(), tree.pick(item.get(name)?)?)));
    picked.collect()
}

//! What Query and Scan share: which index, which attributes, which page, and the answer.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use millrace_api::Entries;
use millrace_api::dynamodb::{self as types, ReturnConsumedCapacity, Select};

use super::item;
use crate::dynamodb::answer::{Cost, Kind};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::{Condition, Projection, project};
use crate::dynamodb::limits::PAGE_ITEMS_MAX;
use crate::dynamodb::model::{Item, item_into_wire};
use crate::dynamodb::state::{Definition, IndexDefinition, Page, Projected, Table};

/// What is asked for beside the range of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) index: Option<String>,
    pub(crate) select: Option<Select>,
    pub(crate) projection: Option<Projection>,
    /// The projection came as AttributesToGet.
    pub(crate) legacy_projection: bool,
    pub(crate) filter: Option<Condition>,
    pub(crate) limit: Option<i32>,
    pub(crate) consistent: bool,
    pub(crate) start: Option<Item>,
    pub(crate) capacity: Option<ReturnConsumedCapacity>,
}

/// What a table or an index is read through.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) definition: Arc<Definition>,
    /// The index's place.
    pub(crate) index: Option<usize>,
}

/// A page as it is answered.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pub(crate) items: Option<Vec<Entries<types::AttributeValue>>>,
    pub(crate) count: Option<i32>,
    pub(crate) scanned: Option<i32>,
    pub(crate) last: Option<Entries<types::AttributeValue>>,
    pub(crate) capacity: Option<types::ConsumedCapacity>,
}

fn invalid(what: impl Into<String>) -> DynamodbError {
    DynamodbError::Invalid(what.into())
}

/// The start of a page, as a request gives it.
pub(crate) fn start(entries: Option<Entries<types::AttributeValue>>) -> Result<Option<Item>, DynamodbError> {
    let read = |entries| item(entries).map_err(|error| invalid(format!("{INVALID_START}: {error}")));
    entries.map(read).transpose()
}

pub(crate) const INVALID_START: &str = "The provided starting key is invalid";

impl Source {
    /// The index, where there is one.
    pub(crate) fn index(&self) -> Option<&IndexDefinition> {
        self.definition.indexes.get(self.index?)
    }

    /// The key by which it is sorted.
    pub(crate) fn key(&self) -> &crate::dynamodb::model::KeySchema {
        self.index().map_or(&self.definition.key, |index| &index.key)
    }

    /// The attributes that say where a page begins: those of the table's key and of the index's.
    pub(crate) fn place_of(&self, item: &Item) -> Item {
        let mut place = self.definition.key.key_of(item);
        place.extend(self.key().key_of(item));
        place
    }
}

impl Reading {
    /// What is wrong with it whatever the table is.
    pub(crate) fn check(&self) -> Result<(), DynamodbError> {
        let parameter = if self.legacy_projection {
            "AttributesToGet"
        } else {
            "ProjectionExpression"
        };
        match (self.select, self.projection.is_some()) {
            (Some(Select::AllProjectedAttributes), _) if self.index.is_none() => Err(invalid(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            )),
            (Some(Select::SpecificAttributes), false) => Err(invalid(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
            )),
            (Some(Select::Count), true) => Err(invalid(format!(
                "Cannot specify the {parameter} when choosing to get only the Count"
            ))),
            (Some(all @ (Select::AllAttributes | Select::AllProjectedAttributes)), true) => {
                Err(invalid(format!(
                    "Cannot specify the {parameter} when choosing to get {}",
                    all.as_str()
                )))
            }
            _ => Ok(()),
        }
    }

    /// What a table is read through, if it can be read like that.
    pub(crate) fn source(&self, table: &Table) -> Result<Source, DynamodbError> {
        let definition = Arc::clone(table.definition());
        let paths = self.projection.iter().flat_map(|projection| &projection.0);
        definition.check_paths(paths).map_err(invalid)?;
        definition
            .check_paths(self.filter.iter().flat_map(Condition::paths))
            .map_err(invalid)?;
        let mut at = None;
        if let Some(name) = &self.index {
            let (place, index) = definition
                .index(name)
                .ok_or_else(|| invalid(format!("The table does not have the specified index: {name}")))?;
            if index.global {
                self.check_global(&definition, index)?;
            }
            self.check_filtered(&definition, index)?;
            at = Some(place);
        }
        Ok(Source {
            definition,
            index: at,
        })
    }

    /// A global index gives what it has and nothing else.
    fn check_global(&self, definition: &Definition, index: &IndexDefinition) -> Result<(), DynamodbError> {
        let name = &index.name;
        if self.consistent {
            return Err(invalid(
                "Consistent reads are not supported on global secondary indexes",
            ));
        }
        if self.select == Some(Select::AllAttributes) && index.projected != Projected::All {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global \
                 secondary index {name} because its projection type is not ALL"
            )));
        }
        let paths = self.projection.iter().flat_map(|projection| &projection.0);
        let lacking = paths.filter(|path| !index.projects(&definition.key, &path.head));
        let lacking: Vec<&str> = lacking.map(|path| path.head.as_str()).collect();
        if !lacking.is_empty() {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Global secondary index {name} does not project [{}]",
                lacking.join(", ")
            )));
        }
        Ok(())
    }

    /// What is filtered by must be in the index, unless all of the item is fetched.
    fn check_filtered(&self, definition: &Definition, index: &IndexDefinition) -> Result<(), DynamodbError> {
        if self.select == Some(Select::AllAttributes) {
            return Ok(());
        }
        let paths = self.filter.iter().flat_map(Condition::paths);
        let lacking = paths.filter(|path| !index.projects(&definition.key, &path.head));
        let lacking: BTreeSet<&str> = lacking.map(|path| path.head.as_str()).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let lacking: Vec<&str> = lacking.into_iter().collect();
        Err(invalid(format!(
            "One or more parameter values were invalid: Secondary index {} does not project one or more filter \
             attributes: [{}]",
            index.name,
            lacking.join(", ")
        )))
    }

    /// Items that a page may look at.
    pub(crate) fn limit(&self) -> usize {
        self.limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(PAGE_ITEMS_MAX)
    }

    /// Whether the index's attributes are not enough: a local index lets the table's be fetched.
    fn fetches(&self, source: &Source, index: &IndexDefinition) -> bool {
        let asked = || {
            let mut paths = self.projection.iter().flat_map(|projection| &projection.0);
            paths.any(|path| !index.projects(&source.definition.key, &path.head))
        };
        !index.global && (self.select == Some(Select::AllAttributes) || asked())
    }

    /// Filters a page and answers what was asked for of it.
    pub(crate) fn answer(&self, table: &str, source: &Source, page: &Page) -> Answered {
        let index = source.index();
        let fetches = index.is_some_and(|index| self.fetches(source, index));
        let narrows = index.filter(|index| !fetches && index.projected != Projected::All);
        let mut items = Vec::new();
        let mut count = 0_usize;
        for stored in &page.items {
            let item: Cow<'_, Item> = match narrows {
                Some(index) => Cow::Owned(index.project(&source.definition.key, stored)),
                None => Cow::Borrowed(stored),
            };
            if self.filter.as_ref().is_some_and(|filter| !filter.holds(&item)) {
                continue;
            }
            count += 1;
            if self.select == Some(Select::Count) {
                continue;
            }
            items.push(match &self.projection {
                Some(projection) => item_into_wire(&project(&item, projection)),
                None => item_into_wire(&item),
            });
        }
        let number = |count: usize| Some(i32::try_from(count).unwrap_or(i32::MAX));
        let last = page.items.last().filter(|_| page.cut);
        Answered {
            items: (self.select != Some(Select::Count)).then_some(items),
            count: number(count),
            scanned: number(page.items.len()),
            last: last.map(|item| item_into_wire(&source.place_of(item))),
            capacity: self
                .cost(source, page, fetches)
                .consumed(self.capacity, table, Kind::Plain),
        }
    }

    fn cost(&self, source: &Source, page: &Page, fetches: bool) -> Cost {
        let read = Cost::read(page.bytes, self.consistent);
        let Some(index) = source.index() else {
            return Cost {
                table: read,
                indexes: Vec::new(),
            };
        };
        let fetched = page
            .items
            .iter()
            .map(|item| Cost::read(item.size(), self.consistent))
            .sum();
        Cost {
            table: if fetches { fetched } else { 0.0 },
            indexes: vec![(index.name.clone(), index.global, read)],
        }
    }
}

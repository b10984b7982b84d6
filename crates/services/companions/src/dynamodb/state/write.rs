//! Writes of items: first everything is checked and computed, then it is done. Between the two nothing can fail.

use std::sync::Arc;

use super::command::{Change, TableKey, Write};
use super::definition::{Definition, IndexDefinition};
use super::index;
use super::table::{StoredItem, Table};
use super::{Changed, DynamodbState, Outcome, Refusal};
use crate::dynamodb::expression::ast::{Action, Assigned, Source, Term};
use crate::dynamodb::expression::{Condition, Update, apply};
use crate::dynamodb::limits::{BYTES_MAX, ITEM_BYTES_MAX};
use crate::dynamodb::model::key::{KeyBytes, KeyFault, fault};
use crate::dynamodb::model::value::item_size;
use crate::dynamodb::model::{AttributeValue, Item, KeyAttribute, Kind};

/// A write that was done.
#[derive(Clone, Debug)]
pub struct Written {
    /// The item before.
    pub old: Option<Arc<StoredItem>>,
    /// The item after.
    pub new: Option<Arc<StoredItem>>,
    /// What it would cost.
    pub units: Units,
}

/// Write units of 1 KiB, begun ones counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Of the table.
    pub table: u32,
    /// Of each index, in the definition's order.
    pub indexes: Vec<u32>,
}

/// A write that can be done.
pub(super) struct Prepared {
    table: TableKey,
    key: KeyBytes,
    old: Option<Arc<StoredItem>>,
    /// What the item becomes; `None` for a write that only looks.
    becomes: Option<Option<Arc<StoredItem>>>,
}

impl Prepared {
    /// How much larger everything gets.
    pub(super) fn growth(&self) -> i64 {
        let size = |item: &Option<Arc<StoredItem>>| {
            item.as_ref()
                .map_or(0, |item| i64::try_from(item.footprint()).unwrap_or(i64::MAX))
        };
        self.becomes.as_ref().map_or(0, |new| size(new) - size(&self.old))
    }
}

impl DynamodbState {
    pub(super) fn write(&mut self, writes: Vec<Write>) -> Outcome {
        let mut written = Vec::with_capacity(writes.len());
        for write in writes {
            let prepared = self.prepare(write)?;
            self.check_room(prepared.growth())?;
            written.push(self.commit(prepared));
        }
        Ok(Changed::Items(written))
    }

    /// Says whether a write makes sense for its table, without looking at the item.
    ///
    /// # Errors
    /// [`Refusal::TableNotFound`], [`Refusal::Invalid`].
    pub fn check(&self, write: &Write) -> Result<(), Refusal> {
        let definition = &self.table(&write.table)?.definition;
        check_change(definition, &write.change)?;
        let paths = write.condition.iter().flat_map(Condition::paths);
        definition.check_paths(paths).map_err(Refusal::Invalid)
    }

    pub(super) fn prepare(&self, write: Write) -> Result<Prepared, Refusal> {
        self.check(&write)?;
        let Write {
            table: name,
            change,
            condition,
        } = write;
        let table = self.table(&name)?;
        let definition = &table.definition;
        let key = definition.key.bytes_of(change.keyed());
        let key = key.ok_or_else(|| Refusal::Invalid(NO_MATCH.to_owned()))?;
        let old = table.items.get(&key).cloned();
        if let Some(condition) = condition {
            let none = Item::new();
            if !condition.holds(old.as_deref().map_or(&none, |item| item)) {
                return Err(Refusal::Condition { item: old });
            }
        }
        let becomes = match change {
            Change::Put(item) => Some(Some(item)),
            Change::Delete(_) => Some(None),
            Change::Check(_) => None,
            Change::Update(key, update) => {
                let after = apply(&update, old.as_deref().map_or(&key, |item| item));
                let after = after.map_err(|error| Refusal::Invalid(error.to_string()))?;
                check_updated(definition, &update, &after)?;
                Some(Some(after))
            }
        };
        Ok(Prepared {
            table: name,
            key,
            old,
            becomes: becomes.map(|item| item.map(|item| Arc::new(StoredItem::new(item)))),
        })
    }

    /// Refuses to grow beyond what can be kept.
    pub(super) fn check_room(&self, growth: i64) -> Result<(), Refusal> {
        if growth > 0 && self.bytes.saturating_add(growth.unsigned_abs()) > BYTES_MAX {
            return Err(Refusal::Full(format!(
                "All tables together hold {} bytes, and at most {BYTES_MAX} can be kept: these tables are meant for \
                 leases and locks. Delete items or tables",
                self.bytes
            )));
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, prepared: Prepared) -> Written {
        let growth = prepared.growth();
        let Prepared {
            table,
            key,
            old,
            becomes,
        } = prepared;
        let new = becomes.clone().unwrap_or_else(|| old.clone());
        let mut units = Units::default();
        if let Some(table) = self.tables.get_mut(&table) {
            units = self::units(table, &key, old.as_ref(), new.as_ref());
            if let Some(item) = becomes {
                table.set(key, item);
            }
        }
        self.bytes = self.bytes.saturating_add_signed(growth);
        Written { old, new, units }
    }
}

const NO_MATCH: &str = "The provided key element does not match the schema";
const INVALID: &str = "One or more parameter values were invalid";
const NOT_VALID: &str = "One or more parameter values are not valid.";

fn invalid(what: impl std::fmt::Display) -> Refusal {
    Refusal::Invalid(format!("{INVALID}: {what}"))
}

const fn emptiness(kind: Kind) -> &'static str {
    match kind {
        Kind::B => "binary",
        _ => "string",
    }
}

fn too_long(hash: bool) -> Refusal {
    // The missing space is the service's own.
    invalid(if hash {
        "Size of hashkey has exceeded the maximum size limit of2048 bytes"
    } else {
        "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
    })
}

fn empty_key(attribute: &KeyAttribute, kind: Kind) -> Refusal {
    let (empty, name) = (emptiness(kind), &attribute.name);
    Refusal::Invalid(format!(
        "{NOT_VALID} The AttributeValue for a key attribute cannot contain an empty {empty} value. Key: {name}"
    ))
}

/// The attributes must be exactly a key of the table.
pub(crate) fn check_key(definition: &Definition, key: &Item) -> Result<(), Refusal> {
    if key.len() != definition.key.attributes().count() {
        return Err(Refusal::Invalid(NO_MATCH.to_owned()));
    }
    definition
        .key
        .check(key)
        .map_err(|(attribute, fault)| match fault {
            KeyFault::Missing | KeyFault::Type { .. } => Refusal::Invalid(NO_MATCH.to_owned()),
            KeyFault::Empty(kind) => empty_key(attribute, kind),
            KeyFault::TooLong { hash } => too_long(hash),
        })
}

/// No attribute of the table's key may be empty.
pub(crate) fn check_emptiness(definition: &Definition, keyed: &Item) -> Result<(), Refusal> {
    match definition.key.check(keyed) {
        Err((attribute, KeyFault::Empty(kind))) => Err(empty_key(attribute, kind)),
        _ => Ok(()),
    }
}

fn check_change(definition: &Definition, change: &Change) -> Result<(), Refusal> {
    match change {
        Change::Put(item) => check_item(definition, item),
        Change::Delete(key) | Change::Check(key) => check_key(definition, key),
        Change::Update(key, update) => {
            check_key(definition, key)?;
            check_update(definition, update)
        }
    }
}

/// The item must have a key of the table, and what it has of the indexes' keys must fit them.
fn check_item(definition: &Definition, item: &Item) -> Result<(), Refusal> {
    definition.key.check(item).map_err(|(attribute, fault)| {
        let name = &attribute.name;
        match fault {
            KeyFault::Missing => invalid(format!("Missing the key {name} in the item")),
            KeyFault::Type { expected, actual } => invalid(format!(
                "Type mismatch for key {name} expected: {expected} actual: {actual}"
            )),
            KeyFault::Empty(kind) => empty_key(attribute, kind),
            KeyFault::TooLong { hash } => too_long(hash),
        }
    })?;
    for index in by_precedence(definition) {
        for (at, attribute) in index.key.attributes().enumerate() {
            let fault = item
                .get(&attribute.name)
                .and_then(|value| fault(attribute, value, at == 0));
            if let Some(fault) = fault {
                return Err(index_fault(index, attribute, fault));
            }
        }
    }
    if item_size(item) > ITEM_BYTES_MAX {
        return Err(Refusal::Invalid(
            "Item size has exceeded the maximum allowed size".to_owned(),
        ));
    }
    Ok(())
}

/// Global indexes are looked at before local ones.
fn by_precedence(definition: &Definition) -> impl Iterator<Item = &IndexDefinition> {
    let indexes = &definition.indexes;
    indexes
        .iter()
        .filter(|index| index.global)
        .chain(indexes.iter().filter(|index| !index.global))
}

fn index_fault(index: &IndexDefinition, attribute: &KeyAttribute, fault: KeyFault) -> Refusal {
    let (name, index) = (&attribute.name, &index.name);
    match fault {
        KeyFault::Type { expected, actual } => invalid(format!(
            "Type mismatch for Index Key {name} Expected: {expected} Actual: {actual} IndexName: {index}"
        )),
        KeyFault::Empty(kind) => Refusal::Invalid(format!(
            "{NOT_VALID} A value specified for a secondary index key is not supported. The AttributeValue for a key \
             attribute cannot contain an empty {} value. IndexName: {index}, IndexKey: {name}",
            emptiness(kind)
        )),
        KeyFault::TooLong { hash } => too_long(hash),
        KeyFault::Missing => Refusal::Invalid(NO_MATCH.to_owned()),
    }
}

/// What can be said of an update before it is applied.
fn check_update(definition: &Definition, update: &Update) -> Result<(), Refusal> {
    for attribute in definition.key.attributes() {
        if update.paths().any(|path| path.head == attribute.name) {
            return Err(invalid(format!(
                "Cannot update attribute {}. This attribute is part of the key",
                attribute.name
            )));
        }
    }
    for action in &update.actions {
        let Some((name, value)) = assigned_literal(action) else {
            continue;
        };
        for index in by_precedence(definition) {
            for (at, attribute) in index.key.attributes().enumerate().filter(|(_, a)| a.name == name) {
                if let Some(fault @ KeyFault::Type { .. }) = fault(attribute, value, at == 0) {
                    return Err(index_fault(index, attribute, fault));
                }
            }
        }
    }
    definition.check_paths(update.paths()).map_err(Refusal::Invalid)
}

/// The attribute to which an action gives a value of the request as it is.
fn assigned_literal(action: &Action) -> Option<(&str, &AttributeValue)> {
    match action {
        Action::Set(
            path,
            Assigned::Is(Source {
                either,
                or: Term::Value(value),
            }),
        ) if either.is_empty() && !path.is_nested() => Some((&path.head, &value.0)),
        _ => None,
    }
}

/// What an update made must fit the indexes where it changed them, and be small enough.
fn check_updated(definition: &Definition, update: &Update, after: &Item) -> Result<(), Refusal> {
    for index in by_precedence(definition) {
        for (at, attribute) in index.key.attributes().enumerate() {
            let changed = update.paths().any(|path| path.head == attribute.name);
            let value = after.get(&attribute.name).filter(|_| changed);
            match value.and_then(|value| fault(attribute, value, at == 0)) {
                None => {}
                Some(KeyFault::TooLong { hash }) => return Err(too_long(hash)),
                Some(KeyFault::Empty(kind)) => {
                    return Err(Refusal::Invalid(format!(
                        "{NOT_VALID} The update expression attempted to update a secondary index key to a value that \
                         is not supported. The AttributeValue for a key attribute cannot contain an empty {} value.",
                        emptiness(kind)
                    )));
                }
                Some(KeyFault::Type { .. } | KeyFault::Missing) => {
                    return Err(Refusal::Invalid(
                        "The update expression attempted to update the secondary index key to unsupported type"
                            .to_owned(),
                    ));
                }
            }
        }
    }
    if item_size(after) > ITEM_BYTES_MAX {
        return Err(Refusal::Invalid(
            "Item size to update has exceeded the maximum allowed size".to_owned(),
        ));
    }
    Ok(())
}

/// Kibibytes, begun ones counted, at least one.
fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).max(1)
}

/// What a write would cost (DynamoDB developer guide, "Write capacity units"): the larger of the item before and after
/// in the table; in an index one write for each entry that appears, disappears or changes.
fn units(table: &Table, key: &[u8], old: Option<&Arc<StoredItem>>, new: Option<&Arc<StoredItem>>) -> Units {
    let size = |item: Option<&Arc<StoredItem>>| item.map_or(0, |item| item.size());
    let schema = &table.definition.key;
    let of_index = |index: &IndexDefinition| {
        let entry = |item: &StoredItem| index::place(index, item, key);
        let cost = |item: &Item| kibibytes(index.projected_size(schema, item));
        let (old, new) = (
            old.and_then(|old| Some((entry(old)?, old))),
            new.and_then(|new| Some((entry(new)?, new))),
        );
        match (old, new) {
            (None, None) => 0,
            (Some((_, item)), None) | (None, Some((_, item))) => cost(item),
            (Some((from, old)), Some((to, new))) if from != to => cost(old) + cost(new),
            (Some((_, old)), Some((_, new))) => {
                let same = index.project(schema, old) == index.project(schema, new);
                if same { 0 } else { cost(old).max(cost(new)) }
            }
        }
    };
    Units {
        table: kibibytes(size(old).max(size(new))),
        indexes: table.definition.indexes.iter().map(of_index).collect(),
    }
}

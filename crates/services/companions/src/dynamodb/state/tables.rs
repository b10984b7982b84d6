//! Making, changing and deleting tables, and their rows in a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_control::Applied;
use serde::{Deserialize, Serialize, Serializer};

use super::command::{IndexUpdate, NewTable, TableKey, TableUpdate};
use super::definition::{Billing, Definition, IndexDefinition, Recovery};
use super::{Changed, DynamodbState, Outcome, Refusal, Table};
use crate::dynamodb::limits::{
    GLOBAL_INDEXES_MAX, PROJECTED_ATTRIBUTES_MAX, TABLES_MAX, TABLES_TOTAL_MAX, TAGS_MAX,
};
use crate::dynamodb::model::{Item, KeyAttribute};
use crate::dynamodb::state::Projected;

/// A table in a snapshot.
#[derive(Deserialize)]
pub(super) struct Row {
    key: TableKey,
    definition: Definition,
    items: Vec<Item>,
}

impl Row {
    pub(super) fn open(self) -> (TableKey, Table) {
        (self.key, Table::with_items(self.definition, self.items))
    }
}

/// A [`Row`] as it is written, without a copy of the items.
#[derive(Serialize)]
struct RowRef<'a> {
    key: &'a TableKey,
    definition: &'a Definition,
    #[serde(serialize_with = "items")]
    items: &'a Table,
}

fn items<S: Serializer>(table: &&Table, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(table.items.values().map(|item| -> &Item { item }))
}

pub(super) fn in_rows<S: Serializer>(
    tables: &BTreeMap<TableKey, Table>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(tables.iter().map(|(key, table)| RowRef {
        key,
        definition: &table.definition,
        items: table,
    }))
}

impl DynamodbState {
    pub(super) fn create_table(&mut self, at: Applied, key: TableKey, new: NewTable) -> Outcome {
        if self.tables.contains_key(&key) {
            return Err(Refusal::TableExists(key.name));
        }
        let own = self.names(&key.account, &key.region, "").count();
        if own >= TABLES_MAX || self.tables.len() >= TABLES_TOTAL_MAX {
            return Err(Refusal::Full(format!(
                "Subscriber limit exceeded: there can be at most {TABLES_MAX} tables in an account and region, and \
                 {TABLES_TOTAL_MAX} in all: delete some first"
            )));
        }
        check_projections(&new.indexes)?;
        let NewTable {
            id,
            attributes,
            key: schema,
            billing,
            indexes,
            deletion_protection,
            tags,
            class,
        } = new;
        let table = Table::new(Definition {
            id,
            created: at.time,
            attributes,
            key: schema,
            billing,
            on_demand_since: (billing == Billing::OnDemand).then_some(at.time),
            indexes,
            deletion_protection,
            tags,
            class,
            recovery: None,
            time_to_live: None,
        });
        let described = table.describe();
        self.tables.insert(key, table);
        Ok(Changed::Table(described))
    }

    pub(super) fn delete_table(&mut self, key: &TableKey) -> Outcome {
        let table = self.table(key)?;
        if table.definition.deletion_protection {
            return Err(Refusal::Invalid(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                 protection first."
                    .to_owned(),
            ));
        }
        let described = table.describe();
        self.bytes = self.bytes.saturating_sub(table.footprint());
        self.tables.remove(key);
        Ok(Changed::Table(described))
    }

    pub(super) fn update_table(&mut self, at: Applied, key: &TableKey, update: TableUpdate) -> Outcome {
        let table = self.tables.get_mut(key).ok_or(Refusal::TableNotFound)?;
        let mut definition = Definition::clone(&table.definition);
        let TableUpdate {
            attributes,
            billing,
            indexes,
            deletion_protection,
            class,
        } = update;
        add_attributes(&mut definition, attributes)?;
        for update in indexes {
            update_index(&mut definition, update)?;
        }
        if let Some(billing) = billing {
            set_billing(at, &mut definition, billing)?;
        }
        definition.deletion_protection = deletion_protection.unwrap_or(definition.deletion_protection);
        definition.class = class.or(definition.class);
        check_projections(&definition.indexes)?;
        forget_attributes(&mut definition);
        table.redefine(definition);
        Ok(Changed::Table(table.describe()))
    }

    pub(super) fn set_recovery(&mut self, at: Applied, key: &TableKey, days: Option<u32>) -> Outcome {
        let table = self.tables.get_mut(key).ok_or(Refusal::TableNotFound)?;
        let definition = Arc::make_mut(&mut table.definition);
        definition.recovery = days.map(|days| Recovery {
            days,
            since: definition.recovery.map_or(at.time, |recovery| recovery.since),
        });
        Ok(Changed::Table(table.describe()))
    }

    pub(super) fn change_tags(
        &mut self,
        key: &TableKey,
        set: BTreeMap<String, String>,
        removed: &[String],
    ) -> Outcome {
        let table = self.tables.get_mut(key).ok_or(Refusal::TableNotFound)?;
        let mut tags = table.definition.tags.clone();
        tags.retain(|name, _| !removed.contains(name));
        tags.extend(set);
        if tags.len() > TAGS_MAX {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Tags exceed the limit of {TAGS_MAX} per table"
            )));
        }
        Arc::make_mut(&mut table.definition).tags = tags;
        Ok(Changed::Table(table.describe()))
    }
}

fn invalid(what: impl Into<String>) -> Refusal {
    Refusal::Invalid(what.into())
}

fn check_projections(indexes: &[IndexDefinition]) -> Result<(), Refusal> {
    let named = indexes.iter().map(|index| match &index.projected {
        Projected::Some(names) => names.len(),
        Projected::All | Projected::Keys => 0,
    });
    let named: usize = named.sum();
    if named > PROJECTED_ATTRIBUTES_MAX {
        return Err(invalid(format!(
            "One or more parameter values were invalid: Total number of projected attributes in secondary indexes \
             exceeds the limit of {PROJECTED_ATTRIBUTES_MAX}"
        )));
    }
    Ok(())
}

/// Attributes may be defined again, but not as something else.
fn add_attributes(definition: &mut Definition, attributes: Vec<KeyAttribute>) -> Result<(), Refusal> {
    for attribute in attributes {
        match definition
            .attributes
            .iter()
            .find(|known| known.name == attribute.name)
        {
            None => definition.attributes.push(attribute),
            Some(known) if known.kind == attribute.kind => {}
            Some(_) => {
                return Err(invalid(format!(
                    "One or more parameter values were invalid: Cannot change the type of the attribute {} in \
                     AttributeDefinitions",
                    attribute.name
                )));
            }
        }
    }
    Ok(())
}

/// Definitions that no key uses any more are dropped.
fn forget_attributes(definition: &mut Definition) {
    let (key, indexes) = (&definition.key, &definition.indexes);
    definition.attributes.retain(|attribute| {
        key.has(&attribute.name) || indexes.iter().any(|index| index.key.has(&attribute.name))
    });
}

fn update_index(definition: &mut Definition, update: IndexUpdate) -> Result<(), Refusal> {
    match update {
        IndexUpdate::Create(index) => {
            if definition.index(&index.name).is_some() {
                return Err(invalid(format!(
                    "One or more parameter values were invalid: Attempting to create an index which already exists: {}",
                    index.name
                )));
            }
            if definition.indexes.iter().filter(|index| index.global).count() >= GLOBAL_INDEXES_MAX {
                return Err(invalid(format!(
                    "One or more parameter values were invalid: GlobalSecondaryIndex count exceeds the per-table limit \
                     of {GLOBAL_INDEXES_MAX}"
                )));
            }
            // Keys are of attributes as the table has them by now.
            add_attributes(definition, index.key.attributes().cloned().collect())?;
            definition.indexes.push(index);
        }
        IndexUpdate::Update(name, throughput) => {
            let billing = definition.billing;
            let index = definition
                .indexes
                .iter_mut()
                .find(|index| index.global && index.name == name);
            let index = index.ok_or(Refusal::IndexNotFound(name))?;
            if billing == Billing::OnDemand {
                return Err(invalid(format!(
                    "One or more parameter values were invalid: ProvisionedThroughput should not be specified for \
                     index: {} when BillingMode is PAY_PER_REQUEST",
                    index.name
                )));
            }
            index.throughput = Some(throughput);
        }
        IndexUpdate::Delete(name) => {
            let found = definition
                .indexes
                .iter()
                .position(|index| index.global && index.name == name);
            definition
                .indexes
                .remove(found.ok_or(Refusal::IndexNotFound(name))?);
        }
    }
    Ok(())
}

/// Global indexes are paid for as their table is.
fn set_billing(at: Applied, definition: &mut Definition, billing: Billing) -> Result<(), Refusal> {
    if billing == Billing::OnDemand {
        if definition.billing != Billing::OnDemand {
            definition.on_demand_since = Some(at.time);
        }
        for index in &mut definition.indexes {
            index.throughput = None;
        }
    } else {
        let lacking = definition
            .indexes
            .iter()
            .filter(|index| index.global && index.throughput.is_none());
        let lacking: Vec<&str> = lacking.map(|index| index.name.as_str()).collect();
        if definition.billing == Billing::OnDemand && !lacking.is_empty() {
            return Err(invalid(format!(
                "One or more parameter values were invalid: ProvisionedThroughput must be specified for index: {}",
                lacking.join(",")
            )));
        }
    }
    definition.billing = billing;
    Ok(())
}

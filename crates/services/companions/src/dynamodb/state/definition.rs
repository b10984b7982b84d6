//! How a table was defined. Part of the stored state: a new field needs a serde default.

use std::collections::BTreeMap;

use millrace_base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dynamodb::expression::Path;
use crate::dynamodb::model::{Item, KeyAttribute, KeySchema};

/// Units per second. They are kept and told, not enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throughput {
    /// ReadCapacityUnits.
    pub read: i64,
    /// WriteCapacityUnits.
    pub write: i64,
}

/// How a table is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// PAY_PER_REQUEST.
    OnDemand,
    /// PROVISIONED.
    Provisioned(Throughput),
}

/// Which attributes an index has beside its own key and the table's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projected {
    /// ALL.
    All,
    /// KEYS_ONLY.
    Keys,
    /// INCLUDE.
    Some(Vec<String>),
}

/// A secondary index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexDefinition {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: KeySchema,
    /// What is in it.
    pub projected: Projected,
    /// Global, or local to the partitions of the table.
    pub global: bool,
    /// Of a global one in a provisioned table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Throughput>,
}

impl IndexDefinition {
    /// Whether it has that attribute in a table with that key.
    #[must_use]
    pub fn projects(&self, table: &KeySchema, name: &str) -> bool {
        let included = match &self.projected {
            Projected::All => true,
            Projected::Keys => false,
            Projected::Some(names) => names.iter().any(|included| included == name),
        };
        included || self.key.has(name) || table.has(name)
    }

    /// What it has of an item.
    #[must_use]
    pub fn project(&self, table: &KeySchema, item: &Item) -> Item {
        let projected = item.iter().filter(|(name, _)| self.projects(table, name));
        projected
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The size of what it has of an item, in bytes.
    #[must_use]
    pub fn projected_size(&self, table: &KeySchema, item: &Item) -> usize {
        let projected = item.iter().filter(|(name, _)| self.projects(table, name));
        projected.map(|(name, value)| name.len() + value.size()).sum()
    }
}

/// Point-in-time recovery: asked for and told, not performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// How long back.
    pub days: u32,
    /// Since when.
    pub since: Timestamp,
}

/// How a table was defined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id; a table of the same name made later has another one.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The attributes of all keys, in the order they were given.
    pub attributes: Vec<KeyAttribute>,
    /// Its key.
    pub key: KeySchema,
    /// How it is paid for.
    pub billing: Billing,
    /// When it became PAY_PER_REQUEST the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand_since: Option<Timestamp>,
    /// Its indexes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexDefinition>,
    /// DeleteTable is refused.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its class, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Point-in-time recovery, where it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Recovery>,
    /// The attribute that says when an item expires, in seconds since the Unix epoch, where items do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_live: Option<String>,
}

impl Definition {
    /// The index of that name, and its place.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<(usize, &IndexDefinition)> {
        self.indexes
            .iter()
            .enumerate()
            .find(|(_, index)| index.name == name)
    }

    /// Paths must not lead into an attribute of a key, which has no inside.
    ///
    /// # Errors
    /// The sentence about the first that does.
    pub fn check_paths<'a>(&self, paths: impl Iterator<Item = &'a Path>) -> Result<(), String> {
        const SCALAR: &str =
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed";
        for path in paths.filter(|path| path.is_nested()) {
            if self.key.has(&path.head) {
                return Err(format!("{SCALAR}: Key: {}", path.head));
            }
            if self.indexes.iter().any(|index| index.key.has(&path.head)) {
                return Err(format!("{SCALAR}: IndexKey: {}", path.head));
            }
        }
        Ok(())
    }
}

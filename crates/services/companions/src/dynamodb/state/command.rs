//! What may happen to the state. Commands are stored: a variant or field is never renamed or reused, and a new field
//! needs a serde default. The time is that of the control log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::definition::{Billing, IndexDefinition, Throughput};
use crate::dynamodb::expression::{Condition, Update};
use crate::dynamodb::model::value::item_size;
use crate::dynamodb::model::{AttributeValue, Item, KeyAttribute, KeySchema};

/// A table's identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableKey {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Its name.
    pub name: String,
}

impl TableKey {
    /// The key of that table.
    pub fn new(account: impl Into<String>, region: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
            name: name.into(),
        }
    }
}

/// A decided change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// CreateTable.
    CreateTable {
        /// Which.
        key: TableKey,
        /// How.
        table: NewTable,
    },
    /// UpdateTable.
    UpdateTable {
        /// Which.
        key: TableKey,
        /// How.
        update: TableUpdate,
    },
    /// DeleteTable.
    DeleteTable {
        /// Which.
        key: TableKey,
    },
    /// UpdateContinuousBackups.
    SetRecovery {
        /// Which.
        key: TableKey,
        /// For how long back; `None` switches it off.
        days: Option<u32>,
    },
    /// TagResource, UntagResource.
    ChangeTags {
        /// Which.
        key: TableKey,
        /// Those that are there afterwards.
        set: BTreeMap<String, String>,
        /// Those that are not.
        removed: Vec<String>,
    },
    /// UpdateTimeToLive.
    SetTimeToLive {
        /// Which.
        key: TableKey,
        /// Of items.
        attribute: String,
        /// Or off.
        enabled: bool,
    },
    /// PutItem, UpdateItem, DeleteItem, and a part of BatchWriteItem: one after the other, each for itself.
    Write {
        /// At least one. The first that is refused ends the command; those before it stand.
        writes: Vec<Write>,
    },
    /// TransactWriteItems: all or nothing.
    Transact {
        /// Makes a repetition harmless.
        #[serde(default)]
        token: Option<Token>,
        /// Of different items.
        writes: Vec<Write>,
    },
}

/// A ClientRequestToken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Whose.
    pub account: String,
    /// Where.
    pub region: String,
    /// The token.
    pub token: String,
    /// Digest of what was asked for, to tell a repetition from another request.
    pub fingerprint: String,
}

/// A table that is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewTable {
    /// Its id, random.
    pub id: String,
    /// The attributes of all keys.
    pub attributes: Vec<KeyAttribute>,
    /// Its key.
    pub key: KeySchema,
    /// How it is paid for.
    pub billing: Billing,
    /// Its indexes.
    #[serde(default)]
    pub indexes: Vec<IndexDefinition>,
    /// DeleteTable is refused.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its class, where one was named.
    #[serde(default)]
    pub class: Option<String>,
}

/// Changes of a table; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableUpdate {
    /// Attributes of the keys of new indexes; others may be repeated.
    #[serde(default)]
    pub attributes: Vec<KeyAttribute>,
    /// How it is paid for.
    #[serde(default)]
    pub billing: Option<Billing>,
    /// What becomes of an index.
    #[serde(default)]
    pub indexes: Vec<IndexUpdate>,
    /// Whether DeleteTable is refused.
    #[serde(default)]
    pub deletion_protection: Option<bool>,
    /// Its class.
    #[serde(default)]
    pub class: Option<String>,
}

/// What becomes of a global secondary index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexUpdate {
    /// It is made of what the table holds.
    Create(IndexDefinition),
    /// It has another throughput.
    Update(String, Throughput),
    /// It is dropped.
    Delete(String),
}

/// A write of one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// Where.
    pub table: TableKey,
    /// What.
    pub change: Change,
    /// What must hold of the item as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Replaces or makes the item.
    Put(Item),
    /// Deletes the item of that key.
    Delete(Item),
    /// Changes or makes the item of that key.
    Update(Item, Update),
    /// Only looks at the item of that key.
    Check(Item),
}

impl Change {
    /// Attributes that have the key among them.
    #[must_use]
    pub const fn keyed(&self) -> &Item {
        match self {
            Self::Put(item) | Self::Delete(item) | Self::Update(item, _) | Self::Check(item) => item,
        }
    }
}

impl Write {
    /// Roughly how large it is, in bytes; its encoded form is larger.
    #[must_use]
    pub fn weight(&self) -> usize {
        let condition = self.condition.iter().flat_map(Condition::literals);
        let update = match &self.change {
            Change::Update(_, update) => Some(update),
            Change::Put(_) | Change::Delete(_) | Change::Check(_) => None,
        };
        let literals = condition.chain(update.into_iter().flat_map(Update::literals));
        item_size(self.change.keyed()) + literals.map(AttributeValue::size).sum::<usize>()
    }
}

//! The service's replicated state: tables with their items, pure commands, a pure `apply`.
//!
//! Conditions and updates are evaluated here, in the order of the control log, and nowhere else: that is what makes a
//! lease or a lock safe on any number of nodes. Every check a caller sees is made here too; the operations call the
//! same checks before they propose, so that what is plainly wrong costs no place in the log.

pub mod command;
mod definition;
mod expiry;
mod index;
mod page;
mod refusal;
mod table;
mod tables;
mod tokens;
mod transact;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use millrace_control::{Applied, Machine};
use serde::{Deserialize, Serialize};

pub use command::{Change, Command, IndexUpdate, NewTable, TableKey, TableUpdate, Token, Write};
pub use definition::{Billing, Definition, IndexDefinition, Projected, Recovery, Throughput};
pub use page::{Page, Range};
pub use refusal::{Reason, Refusal};
pub use table::{StoredItem, Table};
pub use tokens::Tokens;
pub use write::{Units, Written};
pub(crate) use write::{check_emptiness, check_key};

/// What applying a command gave: a refusal changed nothing.
pub type Outcome = Result<Changed, Refusal>;

/// What a command changed.
#[derive(Clone, Debug)]
pub enum Changed {
    /// A table, as it is now; as it was, where it was deleted.
    Table(Described),
    /// Items, one entry for each write.
    Items(Vec<Written>),
    /// Nothing: the transaction was made before, under the same token.
    Before,
}

/// What DescribeTable says of a table, taken at one moment.
#[derive(Clone, Debug)]
pub struct Described {
    /// How it was defined.
    pub definition: Arc<Definition>,
    /// Number of items.
    pub items: usize,
    /// Their size, in bytes.
    pub bytes: u64,
    /// Entries and size of each index, in the definition's order.
    pub indexes: Vec<(usize, u64)>,
}

/// All tables of all accounts and regions.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct DynamodbState {
    #[serde(serialize_with = "tables::in_rows")]
    tables: BTreeMap<TableKey, Table>,
    tokens: Tokens,
    /// Size of everything, as [`BYTES_MAX`](crate::dynamodb::limits::BYTES_MAX) counts.
    #[serde(skip)]
    bytes: u64,
}

/// The state in a snapshot.
#[derive(Deserialize)]
struct Stored {
    tables: Vec<tables::Row>,
    #[serde(default)]
    tokens: Tokens,
}

impl From<Stored> for DynamodbState {
    fn from(stored: Stored) -> Self {
        let tables: BTreeMap<_, _> = stored.tables.into_iter().map(tables::Row::open).collect();
        Self {
            bytes: tables.values().map(Table::footprint).sum(),
            tables,
            tokens: stored.tokens,
        }
    }
}

impl Machine for DynamodbState {
    type Command = Command;
    type Outcome = Outcome;

    fn apply(&mut self, at: Applied, command: Command) -> Outcome {
        match command {
            Command::CreateTable { key, table } => self.create_table(at, key, table),
            Command::UpdateTable { key, update } => self.update_table(at, &key, update),
            Command::DeleteTable { key } => self.delete_table(&key),
            Command::SetRecovery { key, days } => self.set_recovery(at, &key, days),
            Command::ChangeTags { key, set, removed } => self.change_tags(&key, set, &removed),
            Command::SetTimeToLive {
                key,
                attribute,
                enabled,
            } => self.set_time_to_live(&key, attribute, enabled),
            Command::Write { writes } => {
                self.expire(at, &writes);
                self.write(writes)
            }
            Command::Transact { token, writes } => {
                self.expire(at, &writes);
                self.transact(at, token, writes)
            }
        }
    }
}

impl DynamodbState {
    /// A table.
    ///
    /// # Errors
    /// [`Refusal::TableNotFound`].
    pub fn table(&self, key: &TableKey) -> Result<&Table, Refusal> {
        self.tables.get(key).ok_or(Refusal::TableNotFound)
    }

    /// The names of the tables of one account in one region behind `after`, sorted.
    pub fn names<'a>(
        &'a self,
        account: &'a str,
        region: &'a str,
        after: &str,
    ) -> impl Iterator<Item = &'a str> {
        let from = TableKey::new(account, region, after);
        self.tables
            .range((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded))
            .take_while(move |(key, _)| key.account == account && key.region == region)
            .map(|(key, _)| key.name.as_str())
    }

    /// Tables of everyone.
    #[must_use]
    pub fn table_count(&self) -> usize {
        self.tables.len()
    }

    /// Items of everyone.
    #[must_use]
    pub fn item_count(&self) -> usize {
        self.tables.values().map(Table::len).sum()
    }

    /// Size of everything, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

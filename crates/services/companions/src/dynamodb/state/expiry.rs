//! Time to live: items whose moment has passed go, some time after it.
//!
//! They go with the next commands that write their table, just before those: no node needs a timer, and all of them do
//! the same. In a table that nobody writes they stay. Readers that care look at the attribute, as on AWS.

use std::collections::BTreeSet;
use std::sync::Arc;

use millrace_control::Applied;

use super::command::{TableKey, Write};
use super::{Changed, DynamodbState, Outcome, Refusal, Table};
use crate::dynamodb::limits::{EXPIRED_MAX, EXPIRY_AGE_MAX, EXPIRY_DELAY};
use crate::dynamodb::model::key::KeyBytes;
use crate::dynamodb::model::{AttributeValue, Item};

/// Keys by the second at which their item expires.
pub(super) type Expiring = BTreeSet<(u64, KeyBytes)>;

/// The second at which an item expires. What is not a number expires never.
pub(super) fn moment(attribute: Option<&str>, item: &Item) -> Option<u64> {
    match item.get(attribute?)? {
        AttributeValue::N(seconds) => seconds.whole(),
        _ => None,
    }
}

impl DynamodbState {
    pub(super) fn set_time_to_live(&mut self, key: &TableKey, attribute: String, enabled: bool) -> Outcome {
        let table = self.tables.get_mut(key).ok_or(Refusal::TableNotFound)?;
        match &table.definition.time_to_live {
            Some(current) if *current != attribute => {
                return Err(Refusal::Invalid(format!(
                    "TimeToLive is active on a different AttributeName: current AttributeName is {current}"
                )));
            }
            current if current.is_some() == enabled => {
                let already = if enabled { "enabled" } else { "disabled" };
                return Err(Refusal::Invalid(format!("TimeToLive is already {already}")));
            }
            _ => (),
        }
        Arc::make_mut(&mut table.definition).time_to_live = enabled.then_some(attribute);
        table.watch_expiry();
        Ok(Changed::Table(table.describe()))
    }

    /// Takes expired items out of the tables that are to be written.
    pub(super) fn expire(&mut self, at: Applied, writes: &[Write]) {
        let from = at.time.minus(EXPIRY_AGE_MAX).seconds();
        let to = at.time.minus(EXPIRY_DELAY).seconds();
        let names: BTreeSet<&TableKey> = writes.iter().map(|write| &write.table).collect();
        for name in names {
            let Some(table) = self.tables.get_mut(name) else {
                continue;
            };
            let before = table.footprint();
            table.drop_expired(from, to);
            let freed = before.saturating_sub(table.footprint());
            self.bytes = self.bytes.saturating_sub(freed);
        }
    }
}

impl Table {
    /// Looks through the items for those that expire.
    fn watch_expiry(&mut self) {
        let attribute = self.definition.time_to_live.as_deref();
        let expiring = self
            .items
            .iter()
            .filter_map(|(key, item)| Some((moment(attribute, item)?, key.clone())));
        self.expiring = expiring.collect();
    }

    /// Removes items that expired between two seconds, the first of them counted in.
    fn drop_expired(&mut self, from: u64, to: u64) {
        let range = (from, KeyBytes::new())..(to, KeyBytes::new());
        let expired = self.expiring.range(range).take(EXPIRED_MAX);
        let expired: Vec<KeyBytes> = expired.map(|(_, key)| key.clone()).collect();
        for key in expired {
            self.set(key, None);
        }
    }
}

//! Transactions: all writes or none. Since commands are applied one after the other, nothing comes between them.

use std::collections::BTreeSet;

use millrace_control::Applied;

use super::command::{Token, Write};
use super::write::{Prepared, check_emptiness};
use super::{Changed, DynamodbState, Outcome, Refusal};

impl DynamodbState {
    /// Says whether the writes make sense for their tables and are of different items, without looking at the items.
    /// What is wrong with one of them only is left to the transaction, whose cancellation tells which it was.
    ///
    /// # Errors
    /// [`Refusal::TableNotFound`], [`Refusal::Invalid`].
    pub fn check_transaction(&self, writes: &[Write]) -> Result<(), Refusal> {
        let mut seen = BTreeSet::new();
        for write in writes {
            let table = self.table(&write.table)?;
            check_emptiness(table.definition(), write.change.keyed())?;
            let key = table.place(None, write.change.keyed());
            if key.is_some() && !seen.insert((&write.table, key)) {
                return Err(Refusal::Invalid(
                    "Transaction request cannot include multiple operations on one item".to_owned(),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn transact(&mut self, at: Applied, token: Option<Token>, writes: Vec<Write>) -> Outcome {
        if let Some(token) = &token
            && self.tokens.check(at.time, token)?
        {
            return Ok(Changed::Before);
        }
        self.check_transaction(&writes)?;
        let mut prepared = Vec::with_capacity(writes.len());
        let mut reasons = Vec::with_capacity(writes.len());
        for write in writes {
            match self.prepare(write) {
                Ok(write) => {
                    prepared.push(write);
                    reasons.push(None);
                }
                Err(refusal) => reasons.push(Some(refusal.into_reason()?)),
            }
        }
        if reasons.iter().any(Option::is_some) {
            return Err(Refusal::Cancelled(reasons));
        }
        self.check_room(prepared.iter().map(Prepared::growth).sum())?;
        let written = prepared.into_iter().map(|write| self.commit(write)).collect();
        if let Some(token) = token {
            self.tokens.remember(at.time, token);
        }
        Ok(Changed::Items(written))
    }
}

//! The service: what it is made of, how a call enters, how it reaches its state.

use std::sync::Arc;

use bytes::Bytes;
use millrace_api::Operation;
use millrace_api::dynamodb::{ReturnValuesOnConditionCheckFailure, SERVICE};
use millrace_base::metrics::Definition;
use millrace_base::{Clock, Rng};
use millrace_control::Part;
use millrace_wire::{ApiError, Caller, Codec, Reply};

use super::error::DynamodbError;
use super::limits::PROPOSAL_BYTES_MAX;
use super::ops;
use super::state::{Changed, Command, Described, DynamodbState, Refusal, Write, Written};

/// What the service runs on.
#[derive(Debug)]
pub struct Deps {
    /// Holds everything.
    pub control: Part<DynamodbState>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
}

/// DynamoDB. Clones share it.
#[derive(Clone, Debug)]
pub struct Dynamodb(Arc<Deps>);

impl Dynamodb {
    /// Opens the service.
    #[must_use]
    pub fn open(deps: Deps) -> Self {
        Self(Arc::new(deps))
    }

    /// Answers one call of an authenticated caller.
    ///
    /// # Errors
    /// What the client is told.
    pub async fn call(
        &self,
        caller: &Caller,
        op: &'static Operation,
        codec: Codec,
        body: Bytes,
    ) -> Result<Reply, ApiError> {
        caller.holds_for(&SERVICE, op)?;
        ops::dispatch(self, caller, op, codec, body)
            .await
            .map_err(|error| error.into_api(codec))
    }

    /// Appends what it holds in Prometheus' text format.
    pub fn write_prometheus(&self, out: &mut String) {
        let (tables, items, bytes) =
            self.read(|state| (state.table_count(), state.item_count(), state.bytes()));
        for (name, help, value) in [
            (
                "millrace_dynamodb_tables",
                "Tables of the DynamoDB service.",
                tables.to_string(),
            ),
            (
                "millrace_dynamodb_items",
                "Items in these tables.",
                items.to_string(),
            ),
            (
                "millrace_dynamodb_item_bytes",
                "Size of these items, 100 bytes for each counted in.",
                bytes.to_string(),
            ),
        ] {
            Definition::gauge(name, help).write(out, value);
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn rng(&self) -> &dyn Rng {
        &*self.0.rng
    }

    /// Looks at the state. Everything this node was told to be done is visible.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&DynamodbState) -> T) -> T {
        self.0.control.read(look)
    }

    /// Proposes a command and yields what it did.
    pub(crate) async fn propose(&self, command: Command) -> Result<Changed, DynamodbError> {
        Ok(self.0.control.propose(command).await??)
    }

    /// Proposes a change of a table.
    pub(crate) async fn change_table(&self, command: Command) -> Result<Described, DynamodbError> {
        match self.propose(command).await? {
            Changed::Table(described) => Ok(described),
            Changed::Items(_) | Changed::Before => Err(DynamodbError::Outcome),
        }
    }

    /// Proposes one write that makes sense for its table. The item that breaks its condition is told only to who asks
    /// for it.
    pub(crate) async fn write_for(
        &self,
        write: Write,
        told: Option<ReturnValuesOnConditionCheckFailure>,
    ) -> Result<Written, DynamodbError> {
        self.read(|state| state.check(&write))?;
        check_weight(&write)?;
        let command = Command::Write { writes: vec![write] };
        match self.propose(command).await {
            Ok(Changed::Items(mut written)) => written.pop().ok_or(DynamodbError::Outcome),
            Ok(Changed::Table(_) | Changed::Before) => Err(DynamodbError::Outcome),
            Err(DynamodbError::Refused(Refusal::Condition { item })) => {
                let asked = told == Some(ReturnValuesOnConditionCheckFailure::AllOld);
                let item = item.filter(|_| asked);
                Err(Refusal::Condition { item }.into())
            }
            Err(error) => Err(error),
        }
    }
}

/// Refuses a write that no proposal can hold, before it is encoded.
fn check_weight(write: &Write) -> Result<(), DynamodbError> {
    let weight = write.weight();
    if weight > PROPOSAL_BYTES_MAX {
        return Err(DynamodbError::Invalid(format!(
            "The request's item and expressions have {weight} bytes; at most {PROPOSAL_BYTES_MAX} can be written at \
             once"
        )));
    }
    Ok(())
}

//! TransactWriteItems: puts, updates, deletes and checks, all or none.

use std::sync::Arc;

use millrace_api::dynamodb::{
    self as types, ReturnValuesOnConditionCheckFailure, TransactWriteItem, TransactWriteItemsInput,
    TransactWriteItemsOutput,
};
use millrace_wire::Caller;
use ring::digest::{SHA256, digest};

use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::limits::PROPOSAL_BYTES_MAX;
use crate::dynamodb::request::{self, Conditional};
use crate::dynamodb::state::{Change, Changed, Command, Refusal, Token, Write};

/// One write, and whether its item is told when its condition does not hold.
type Wanted = (Write, bool);

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: TransactWriteItemsInput,
) -> Result<TransactWriteItemsOutput, DynamodbError> {
    let wanted = input.transact_items.into_iter().map(|item| read(caller, item));
    let wanted: Vec<Wanted> = wanted.collect::<Result<_, _>>()?;
    let (writes, tells): (Vec<Write>, Vec<bool>) = wanted.into_iter().unzip();
    check(dynamodb, &writes)?;
    let token = input
        .client_request_token
        .map(|token| token_of(caller, token, &writes))
        .transpose()?;
    let tables: Vec<_> = writes.iter().map(|write| write.table.clone()).collect();
    let changed = dynamodb.propose(Command::Transact { token, writes }).await;
    let costs = match changed.map_err(|error| silenced(error, &tells))? {
        Changed::Items(written) => {
            let units = written.into_iter().map(|written| written.units);
            let costs = tables.iter().zip(units).map(|(key, units)| {
                let definition =
                    dynamodb.read(|state| state.table(key).ok().map(|t| Arc::clone(t.definition())));
                let cost = definition
                    .map(|definition| Cost::written(&definition, &units))
                    .unwrap_or_default();
                (key.name.clone(), cost.doubled())
            });
            merged(costs)
        }
        Changed::Before => Vec::new(),
        Changed::Table(_) => return Err(DynamodbError::Outcome),
    };
    let capacity: Vec<_> = costs
        .iter()
        .filter_map(|(name, cost)| cost.consumed(input.return_consumed_capacity, name, Kind::Writes))
        .collect();
    Ok(TransactWriteItemsOutput {
        consumed_capacity: Some(capacity).filter(|capacity| !capacity.is_empty()),
        item_collection_metrics: None,
    })
}

fn merged(costs: impl Iterator<Item = (String, Cost)>) -> Vec<(String, Cost)> {
    let mut sums: Vec<(String, Cost)> = Vec::new();
    for (name, cost) in costs {
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => sum.add(cost),
            None => sums.push((name, cost)),
        }
    }
    sums
}

/// Items are told only where that was asked for.
fn silenced(error: DynamodbError, tells: &[bool]) -> DynamodbError {
    let DynamodbError::Refused(Refusal::Cancelled(mut reasons)) = error else {
        return error;
    };
    for (reason, tells) in reasons.iter_mut().zip(tells) {
        if let Some(reason) = reason.as_mut().filter(|_| !tells) {
            reason.item = None;
        }
    }
    DynamodbError::Refused(Refusal::Cancelled(reasons))
}

/// The members that all writes of a transaction have.
struct Common {
    table: String,
    condition: Conditional,
    tells: Option<ReturnValuesOnConditionCheckFailure>,
}

fn read(caller: &Caller, item: TransactWriteItem) -> Result<Wanted, DynamodbError> {
    let TransactWriteItem {
        condition_check,
        put,
        delete,
        update,
    } = item;
    match (condition_check, put, delete, update) {
        (Some(check), None, None, None) => {
            let common = Common {
                table: check.table_name,
                condition: Conditional {
                    expression: Some(check.condition_expression),
                    names: check.expression_attribute_names,
                    values: check.expression_attribute_values,
                    ..Conditional::default()
                },
                tells: check.return_values_on_condition_check_failure,
            };
            plain(caller, common, Change::Check(request::item(check.key)?))
        }
        (None, Some(put), None, None) => {
            let common = Common {
                table: put.table_name,
                condition: Conditional {
                    expression: put.condition_expression,
                    names: put.expression_attribute_names,
                    values: put.expression_attribute_values,
                    ..Conditional::default()
                },
                tells: put.return_values_on_condition_check_failure,
            };
            plain(caller, common, Change::Put(request::item(put.item)?))
        }
        (None, None, Some(delete), None) => {
            let common = Common {
                table: delete.table_name,
                condition: Conditional {
                    expression: delete.condition_expression,
                    names: delete.expression_attribute_names,
                    values: delete.expression_attribute_values,
                    ..Conditional::default()
                },
                tells: delete.return_values_on_condition_check_failure,
            };
            plain(caller, common, Change::Delete(request::item(delete.key)?))
        }
        (None, None, None, Some(update)) => updating(caller, update),
        (None, None, None, None) => Err(DynamodbError::Invalid(
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request".to_owned(),
        )),
        _ => Err(DynamodbError::Invalid(
            "TransactItems can only contain one of Check, Put, Update or Delete".to_owned(),
        )),
    }
}

fn told(asked: Option<ReturnValuesOnConditionCheckFailure>) -> bool {
    asked == Some(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// What a part of a transaction takes (Service Authorization Reference, TransactWriteItems).
const fn action(change: &Change) -> &'static str {
    match change {
        Change::Check(_) => "ConditionCheckItem",
        Change::Put(_) => "PutItem",
        Change::Update(..) => "UpdateItem",
        Change::Delete(_) => "DeleteItem",
    }
}

fn plain(caller: &Caller, common: Common, change: Change) -> Result<Wanted, DynamodbError> {
    let write = Write {
        table: request::table_key_for(caller, action(&change), &common.table)?,
        condition: common.condition.read()?,
        change,
    };
    Ok((write, told(common.tells)))
}

fn updating(caller: &Caller, update: types::Update) -> Result<Wanted, DynamodbError> {
    let conditional = Conditional {
        expression: update.condition_expression,
        names: update.expression_attribute_names,
        values: update.expression_attribute_values,
        ..Conditional::default()
    };
    let (condition, changes) = conditional.read_update(Some(&update.update_expression), None)?;
    let write = Write {
        table: request::table_key_for(caller, "UpdateItem", &update.table_name)?,
        condition,
        change: Change::Update(request::item(update.key)?, changes),
    };
    Ok((write, told(update.return_values_on_condition_check_failure)))
}

/// Every write must make sense for its table, no two be of the same item, and all fit into one proposal.
fn check(dynamodb: &Dynamodb, writes: &[Write]) -> Result<(), DynamodbError> {
    dynamodb.read(|state| state.check_transaction(writes))?;
    let weight: usize = writes.iter().map(Write::weight).sum();
    if weight > PROPOSAL_BYTES_MAX {
        return Err(DynamodbError::Invalid(format!(
            "The transaction's items and expressions have {weight} bytes; at most {PROPOSAL_BYTES_MAX} can be written \
             in one transaction"
        )));
    }
    Ok(())
}

fn token_of(caller: &Caller, token: String, writes: &[Write]) -> Result<Token, DynamodbError> {
    let asked = serde_json::to_vec(writes).map_err(|_| DynamodbError::Outcome)?;
    Ok(Token {
        account: caller.account.clone(),
        region: caller.region.clone(),
        token,
        fingerprint: hex::encode(digest(&SHA256, &asked)),
    })
}

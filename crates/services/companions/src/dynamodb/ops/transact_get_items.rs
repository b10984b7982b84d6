//! TransactGetItems: all items as they were at one moment.

use std::collections::BTreeSet;

use millrace_api::dynamodb::{ItemResponse, TransactGetItemsInput, TransactGetItemsOutput};
use millrace_wire::Caller;

use super::get_item::{projected, projection};
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::Projection;
use crate::dynamodb::limits::TRANSACTION_BYTES_MAX;
use crate::dynamodb::model::{Item, item_into_wire};
use crate::dynamodb::request;
use crate::dynamodb::state::{Refusal, TableKey, check_emptiness, check_key};

/// One item that is read.
struct Wanted {
    table: TableKey,
    key: Item,
    projection: Option<Projection>,
}

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: TransactGetItemsInput,
) -> Result<TransactGetItemsOutput, DynamodbError> {
    let wanted = input.transact_items.into_iter().map(|item| {
        let get = item.get;
        Ok(Wanted {
            table: request::table_key_for(caller, "GetItem", &get.table_name)?,
            projection: projection(
                get.projection_expression.as_deref(),
                None,
                get.expression_attribute_names,
            )?,
            key: request::item(get.key)?,
        })
    });
    let wanted: Vec<Wanted> = wanted.collect::<Result<_, DynamodbError>>()?;
    let found = dynamodb.read(|state| {
        let mut seen = BTreeSet::new();
        let mut reasons = Vec::new();
        let mut found = Vec::new();
        for Wanted { table: name, key, .. } in &wanted {
            let table = state.table(name)?;
            check_emptiness(table.definition(), key)?;
            reasons.push(match check_key(table.definition(), key) {
                Ok(()) => None,
                Err(refusal) => Some(refusal.into_reason()?),
            });
            let place = table.place(None, key);
            if place.is_some() && !seen.insert((name, place)) {
                return Err(DynamodbError::Invalid(
                    "Transaction request cannot include multiple operations on one item".to_owned(),
                ));
            }
            found.push(table.get(key).cloned());
        }
        if reasons.iter().any(Option::is_some) {
            return Err(Refusal::Cancelled(reasons).into());
        }
        Ok(found)
    })?;
    let size = |item: &Option<std::sync::Arc<_>>| {
        item.as_ref()
            .map_or(0, |item: &std::sync::Arc<crate::dynamodb::state::StoredItem>| {
                item.size()
            })
    };
    if found.iter().map(size).sum::<usize>() > TRANSACTION_BYTES_MAX {
        return Err(DynamodbError::Invalid(format!(
            "The items of a transaction may have at most {TRANSACTION_BYTES_MAX} bytes together"
        )));
    }
    let mut costs: Vec<(&str, Cost)> = Vec::new();
    for (wanted, item) in wanted.iter().zip(&found) {
        let cost = Cost {
            table: Cost::read(size(item), true) * 2.0,
            indexes: Vec::new(),
        };
        match costs.iter_mut().find(|(name, _)| *name == wanted.table.name) {
            Some((_, sum)) => sum.add(cost),
            None => costs.push((&wanted.table.name, cost)),
        }
    }
    let capacity: Vec<_> = costs
        .iter()
        .filter_map(|(name, cost)| cost.consumed(input.return_consumed_capacity, name, Kind::Reads))
        .collect();
    let responses = wanted.iter().zip(&found).map(|(wanted, item)| ItemResponse {
        // What has nothing of what was asked for is no item here.
        item: item
            .as_ref()
            .map(|item| projected(item, wanted.projection.as_ref()))
            .filter(|item| !item.is_empty())
            .map(|item| item_into_wire(&item)),
    });
    Ok(TransactGetItemsOutput {
        responses: Some(responses.collect()),
        consumed_capacity: Some(capacity).filter(|capacity| !capacity.is_empty()),
    })
}

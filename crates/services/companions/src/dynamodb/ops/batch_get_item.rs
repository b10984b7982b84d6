//! BatchGetItem. What does not fit into an answer comes back as unprocessed.

use std::collections::BTreeSet;

use millrace_api::Entries;
use millrace_api::dynamodb::{self as types, BatchGetItemInput, BatchGetItemOutput, KeysAndAttributes};
use millrace_wire::Caller;

use super::get_item::{projected, projection};
use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::Projection;
use crate::dynamodb::limits::{BATCH_GET_BYTES_MAX, BATCH_GET_MAX};
use crate::dynamodb::model::{Item, item_into_wire};
use crate::dynamodb::request;
use crate::dynamodb::state::{TableKey, check_key};

/// What is read from one table.
struct Wanted {
    /// As the request names it.
    named: String,
    table: TableKey,
    keys: Vec<Item>,
    projection: Option<Projection>,
    asked: KeysAndAttributes,
}

type Items = Vec<Entries<types::AttributeValue>>;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: BatchGetItemInput,
) -> Result<BatchGetItemOutput, DynamodbError> {
    let mut wanted = Vec::new();
    for (named, asked) in input.request_items.0 {
        wanted.push(read(caller, named, asked)?);
    }
    if wanted.iter().map(|wanted| wanted.keys.len()).sum::<usize>() > BATCH_GET_MAX {
        return Err(DynamodbError::Invalid(
            "Too many items requested for the BatchGetItem call".to_owned(),
        ));
    }
    for wanted in &wanted {
        with_table(dynamodb, &wanted.table, |table| {
            wanted
                .keys
                .iter()
                .try_for_each(|key| Ok(check_key(table.definition(), key)?))
        })?;
    }
    let mut left = BATCH_GET_BYTES_MAX;
    let (mut responses, mut unprocessed, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    for wanted in wanted {
        let (items, rest, units) = fetch(dynamodb, &wanted, &mut left)?;
        let cost = Cost {
            table: units,
            indexes: Vec::new(),
        };
        costs.extend(cost.consumed(input.return_consumed_capacity, &wanted.table.name, Kind::Plain));
        if !rest.is_empty() {
            let keys = rest.iter().map(item_into_wire).collect();
            unprocessed.push((wanted.named.clone(), KeysAndAttributes { keys, ..wanted.asked }));
        }
        responses.push((wanted.named, items));
    }
    Ok(BatchGetItemOutput {
        responses: Some(Entries(responses)),
        unprocessed_keys: Some(Entries(unprocessed)),
        consumed_capacity: Some(costs).filter(|costs| !costs.is_empty()),
    })
}

fn read(caller: &Caller, named: String, mut asked: KeysAndAttributes) -> Result<Wanted, DynamodbError> {
    let table = request::table_key(caller, &named)?;
    let projection = projection(
        asked.projection_expression.as_deref(),
        asked.attributes_to_get.clone(),
        asked.expression_attribute_names.clone(),
    )?;
    let keys = std::mem::take(&mut asked.keys).into_iter().map(request::item);
    let keys: Vec<Item> = keys.collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    // Keys are small, and equal ones have equal stored forms.
    if keys.iter().any(|key| !seen.insert(format!("{key:?}"))) {
        return Err(DynamodbError::Invalid(
            "Provided list of item keys contains duplicates".to_owned(),
        ));
    }
    Ok(Wanted {
        named,
        table,
        keys,
        projection,
        asked,
    })
}

/// The items of a table, the keys that did not fit any more, and what it would cost.
fn fetch(
    dynamodb: &Dynamodb,
    wanted: &Wanted,
    left: &mut usize,
) -> Result<(Items, Vec<Item>, f64), DynamodbError> {
    let consistent = wanted.asked.consistent_read == Some(true);
    let found = with_table(dynamodb, &wanted.table, |table| {
        Ok(wanted
            .keys
            .iter()
            .map(|key| table.get(key).cloned())
            .collect::<Vec<_>>())
    })?;
    let (mut items, mut rest, mut units) = (Vec::new(), Vec::new(), 0.0);
    for (key, item) in wanted.keys.iter().zip(found) {
        let size = item.as_ref().map_or(0, |item| item.size());
        let Some(after) = left.checked_sub(size) else {
            rest.push(key.clone());
            continue;
        };
        *left = after;
        units += Cost::read(size, consistent);
        items.extend(item.map(|item| item_into_wire(&projected(&item, wanted.projection.as_ref()))));
    }
    Ok((items, rest, units))
}

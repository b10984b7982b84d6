//! BatchWriteItem: puts and deletes without conditions, each for itself.

use std::collections::BTreeSet;

use millrace_api::Entries;
use millrace_api::dynamodb::{BatchWriteItemInput, BatchWriteItemOutput, WriteRequest};
use millrace_wire::Caller;

use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind, collection_metrics};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::limits::{BATCH_WRITE_MAX, PROPOSAL_BYTES_MAX};
use crate::dynamodb::model::key::KeyFault;
use crate::dynamodb::request;
use crate::dynamodb::state::{Change, Changed, Command, Table, TableKey, Write, check_emptiness};

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: BatchWriteItemInput,
) -> Result<BatchWriteItemOutput, DynamodbError> {
    let mut writes = Vec::new();
    let mut tables = Vec::new();
    for (named, requests) in input.request_items.0 {
        let table = request::table_key(caller, &named)?;
        for request in requests {
            writes.push(write(&table, request)?);
        }
        tables.push((named, table));
    }
    if writes.len() > BATCH_WRITE_MAX {
        return Err(DynamodbError::Invalid(
            "Too many items requested for the BatchWriteItem call".to_owned(),
        ));
    }
    check(dynamodb, &writes)?;
    let mut metrics = Vec::new();
    for (named, table) in &tables {
        let definition = super::with_table(dynamodb, table, |table| {
            Ok(std::sync::Arc::clone(table.definition()))
        })?;
        let of_table = writes.iter().filter(|write| write.table == *table);
        let found: Vec<_> = of_table
            .filter_map(|w| {
                collection_metrics(
                    input.return_item_collection_metrics,
                    &definition,
                    w.change.keyed(),
                )
            })
            .collect();
        if !found.is_empty() {
            metrics.push((named.clone(), found));
        }
    }
    let costs = write_all(dynamodb, writes).await?;
    let capacity: Vec<_> = tables
        .iter()
        .filter_map(|(_, table)| {
            let (_, cost) = costs.iter().find(|(key, _)| key == table)?;
            cost.consumed(input.return_consumed_capacity, &table.name, Kind::Plain)
        })
        .collect();
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(Entries(Vec::new())),
        item_collection_metrics: Some(Entries(metrics)).filter(|metrics| !metrics.0.is_empty()),
        consumed_capacity: Some(capacity).filter(|capacity| !capacity.is_empty()),
    })
}

fn write(table: &TableKey, request: WriteRequest) -> Result<Write, DynamodbError> {
    let change = match (request.put_request, request.delete_request) {
        (Some(put), None) => Change::Put(request::item(put.item)?),
        (None, Some(delete)) => Change::Delete(request::item(delete.key)?),
        _ => {
            return Err(DynamodbError::Invalid(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
                 datatypes"
                    .to_owned(),
            ));
        }
    };
    Ok(Write {
        table: table.clone(),
        change,
        condition: None,
    })
}

/// Every write must make sense for its table, and no two be of the same item.
fn check(dynamodb: &Dynamodb, writes: &[Write]) -> Result<(), DynamodbError> {
    dynamodb.read(|state| {
        let mut seen = BTreeSet::new();
        for write in writes {
            let table = state.table(&write.table)?;
            check_emptiness(table.definition(), write.change.keyed())?;
            let keyed = write.change.keyed();
            let fault = table.definition().key.check(keyed).err().map(|(_, fault)| fault);
            if matches!(fault, Some(KeyFault::Missing | KeyFault::Type { .. })) {
                return Err(DynamodbError::Invalid(
                    "The provided key element does not match the schema".to_owned(),
                ));
            }
            state.check(write)?;
            if !seen.insert((&write.table, table.place(None, keyed))) {
                return Err(DynamodbError::Invalid(
                    "Provided list of item keys contains duplicates".to_owned(),
                ));
            }
        }
        Ok(())
    })
}

/// Writes in as few proposals as they fit into; yields what it would cost, by table.
async fn write_all(dynamodb: &Dynamodb, writes: Vec<Write>) -> Result<Vec<(TableKey, Cost)>, DynamodbError> {
    let mut costs: Vec<(TableKey, Cost)> = Vec::new();
    let mut writes = writes.into_iter().peekable();
    while let Some(first) = writes.next() {
        let mut left = PROPOSAL_BYTES_MAX.saturating_sub(first.weight());
        let mut batch = vec![first];
        while let Some(next) = writes.next_if(|next| next.weight() <= left) {
            left -= next.weight();
            batch.push(next);
        }
        let tables: Vec<TableKey> = batch.iter().map(|write| write.table.clone()).collect();
        let Changed::Items(written) = dynamodb.propose(Command::Write { writes: batch }).await? else {
            return Err(DynamodbError::Outcome);
        };
        for (table, written) in tables.into_iter().zip(written) {
            let cost = dynamodb.read(|state| {
                let definition = state.table(&table).ok().map(Table::definition);
                definition
                    .map(|definition| Cost::written(definition, &written.units))
                    .unwrap_or_default()
            });
            match costs.iter_mut().find(|(key, _)| *key == table) {
                Some((_, sum)) => sum.add(cost),
                None => costs.push((table, cost)),
            }
        }
    }
    Ok(costs)
}

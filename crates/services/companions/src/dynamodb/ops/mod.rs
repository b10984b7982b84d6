//! The operations: one file each, so that this folder's listing is the supported API.
//!
//! An operation is `call(dynamodb, caller, input) -> Result<Output, DynamodbError>` over the generated types; [`typed`]
//! decodes and encodes around it.

mod batch_get_item;
mod batch_write_item;
mod create_table;
mod delete_item;
mod delete_table;
mod describe_table;
mod describe_time_to_live;
mod get_item;
mod list_tables;
mod list_tags_of_resource;
mod put_item;
mod query;
mod scan;
mod tag_resource;
mod transact_get_items;
mod transact_write_items;
mod untag_resource;
mod update_continuous_backups;
mod update_item;
mod update_table;
mod update_time_to_live;

use bytes::Bytes;
use millrace_api::{Operation, Shaped};
use millrace_wire::{ApiError, Caller, Codec, Reply};

use super::error::DynamodbError;
use super::service::Dynamodb;
use super::state::{Refusal, Table, TableKey};

/// A call that is being answered.
#[derive(Clone, Debug)]
struct Call<'a> {
    dynamodb: &'a Dynamodb,
    caller: &'a Caller,
    codec: Codec,
    body: Bytes,
}

/// Runs the operation of that name.
pub(crate) async fn dispatch(
    dynamodb: &Dynamodb,
    caller: &Caller,
    op: &'static Operation,
    codec: Codec,
    body: Bytes,
) -> Result<Reply, DynamodbError> {
    let call = Call {
        dynamodb,
        caller,
        codec,
        body,
    };
    match op.name {
        "BatchGetItem" => typed(call, batch_get_item::call).await,
        "BatchWriteItem" => typed(call, batch_write_item::call).await,
        "CreateTable" => typed(call, create_table::call).await,
        "DeleteItem" => typed(call, delete_item::call).await,
        "DeleteTable" => typed(call, delete_table::call).await,
        "DescribeTable" => typed(call, describe_table::call).await,
        "DescribeTimeToLive" => typed(call, describe_time_to_live::call).await,
        "GetItem" => typed(call, get_item::call).await,
        "ListTables" => typed(call, list_tables::call).await,
        "ListTagsOfResource" => typed(call, list_tags_of_resource::call).await,
        "PutItem" => typed(call, put_item::call).await,
        "Query" => typed(call, query::call).await,
        "Scan" => typed(call, scan::call).await,
        "TagResource" => silent(call, tag_resource::call).await,
        "TransactGetItems" => typed(call, transact_get_items::call).await,
        "TransactWriteItems" => typed(call, transact_write_items::call).await,
        "UntagResource" => silent(call, untag_resource::call).await,
        "UpdateContinuousBackups" => typed(call, update_continuous_backups::call).await,
        "UpdateItem" => typed(call, update_item::call).await,
        "UpdateTable" => typed(call, update_table::call).await,
        "UpdateTimeToLive" => typed(call, update_time_to_live::call).await,
        _ => Err(ApiError::unknown_operation().into()),
    }
}

/// Decodes the input, runs the operation, encodes its output.
async fn typed<'a, I, O, F, R>(call: Call<'a>, run: F) -> Result<Reply, DynamodbError>
where
    I: Shaped,
    O: Shaped,
    F: FnOnce(&'a Dynamodb, &'a Caller, I) -> R,
    R: Future<Output = Result<O, DynamodbError>>,
{
    let input = call.codec.typed(&call.body)?;
    let output = run(call.dynamodb, call.caller, input).await?;
    Ok(call.codec.reply(output))
}

/// The same for an operation without an output.
async fn silent<'a, I, F, R>(call: Call<'a>, run: F) -> Result<Reply, DynamodbError>
where
    I: Shaped,
    F: FnOnce(&'a Dynamodb, &'a Caller, I) -> R,
    R: Future<Output = Result<(), DynamodbError>>,
{
    let input = call.codec.typed(&call.body)?;
    run(call.dynamodb, call.caller, input).await?;
    Ok(Reply::Body(Bytes::new()))
}

/// Looks at a table in a way that can be refused.
fn with_table<T>(
    dynamodb: &Dynamodb,
    key: &TableKey,
    look: impl FnOnce(&Table) -> Result<T, DynamodbError>,
) -> Result<T, DynamodbError> {
    dynamodb.read(|state| look(state.table(key)?))
}

/// The refusal of an operation on tables, whose sentence names the table.
fn naming(key: &TableKey, error: DynamodbError) -> DynamodbError {
    match error {
        DynamodbError::Refused(Refusal::TableNotFound) => DynamodbError::TableNotFound(key.name.clone()),
        other => other,
    }
}

//! DeleteTable. The table is gone at once; the answer says DELETING.

use millrace_api::dynamodb::{DeleteTableInput, DeleteTableOutput, TableStatus};
use millrace_wire::Caller;

use super::naming;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::describe;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;
use crate::dynamodb::state::Command;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: DeleteTableInput,
) -> Result<DeleteTableOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let command = Command::DeleteTable { key: key.clone() };
    let table = dynamodb
        .change_table(command)
        .await
        .map_err(|e| naming(&key, e))?;
    Ok(DeleteTableOutput {
        table_description: Some(describe(&key, &table, TableStatus::Deleting, None)),
    })
}

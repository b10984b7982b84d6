//! DescribeTable. Counts and sizes are those of this moment.

use millrace_api::dynamodb::{DescribeTableInput, DescribeTableOutput, TableStatus};
use millrace_wire::Caller;

use super::{naming, with_table};
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::describe;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: DescribeTableInput,
) -> Result<DescribeTableOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let table = with_table(dynamodb, &key, |table| Ok(table.describe())).map_err(|e| naming(&key, e))?;
    Ok(DescribeTableOutput {
        table: Some(describe(&key, &table, TableStatus::Active, None)),
    })
}

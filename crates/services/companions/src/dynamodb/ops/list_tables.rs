//! ListTables.

use millrace_api::dynamodb::{ListTablesInput, ListTablesOutput};
use millrace_wire::Caller;
use millrace_wire::access::Target;

use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::limits::LIST_MAX;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: ListTablesInput,
) -> Result<ListTablesOutput, DynamodbError> {
    caller.authorize(&Target::account(&caller.account))?;
    let limit = input
        .limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(LIST_MAX);
    let after = input.exclusive_start_table_name.unwrap_or_default();
    let mut names: Vec<String> = dynamodb.read(|state| {
        let names = state.names(&caller.account, &caller.region, &after);
        names.take(limit.saturating_add(1)).map(str::to_owned).collect()
    });
    let more = names.len() > limit;
    names.truncate(limit);
    Ok(ListTablesOutput {
        last_evaluated_table_name: names.last().filter(|_| more).cloned(),
        table_names: Some(names),
    })
}

//! TagResource.

use millrace_api::dynamodb::TagResourceInput;
use millrace_wire::Caller;

use super::create_table::tags;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;
use crate::dynamodb::state::Command;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<(), DynamodbError> {
    let key = request::resource_key(caller, &input.resource_arn)?;
    let command = Command::ChangeTags {
        key,
        set: tags(input.tags)?,
        removed: Vec::new(),
    };
    dynamodb.change_table(command).await.map(drop)
}

//! UntagResource. Keys that no tag has are passed over.

use std::collections::BTreeMap;

use millrace_api::dynamodb::UntagResourceInput;
use millrace_wire::Caller;

use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;
use crate::dynamodb::state::Command;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<(), DynamodbError> {
    let key = request::resource_key(caller, &input.resource_arn)?;
    let command = Command::ChangeTags {
        key,
        set: BTreeMap::new(),
        removed: input.tag_keys,
    };
    dynamodb.change_table(command).await.map(drop)
}

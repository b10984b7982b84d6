//! UpdateTimeToLive. It holds at once.

use millrace_api::dynamodb::{TimeToLiveSpecification, UpdateTimeToLiveInput, UpdateTimeToLiveOutput};
use millrace_wire::Caller;

use super::naming;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;
use crate::dynamodb::state::Command;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: UpdateTimeToLiveInput,
) -> Result<UpdateTimeToLiveOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let TimeToLiveSpecification {
        enabled,
        attribute_name,
    } = input.time_to_live_specification;
    let command = Command::SetTimeToLive {
        key: key.clone(),
        attribute: attribute_name.clone(),
        enabled,
    };
    dynamodb
        .change_table(command)
        .await
        .map_err(|e| naming(&key, e))?;
    Ok(UpdateTimeToLiveOutput {
        time_to_live_specification: Some(TimeToLiveSpecification {
            enabled,
            attribute_name,
        }),
    })
}

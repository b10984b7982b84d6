//! DescribeTimeToLive.

use millrace_api::dynamodb::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, TimeToLiveDescription, TimeToLiveStatus,
};
use millrace_wire::Caller;

use super::{naming, with_table};
use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: DescribeTimeToLiveInput,
) -> Result<DescribeTimeToLiveOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let attribute = with_table(dynamodb, &key, |table| {
        Ok(table.definition().time_to_live.clone())
    })
    .map_err(|e| naming(&key, e))?;
    Ok(DescribeTimeToLiveOutput {
        time_to_live_description: Some(TimeToLiveDescription {
            time_to_live_status: Some(match attribute {
                Some(_) => TimeToLiveStatus::Enabled,
                None => TimeToLiveStatus::Disabled,
            }),
            attribute_name: attribute,
        }),
    })
}

//! ListTagsOfResource. A table has few enough tags for one page.

use millrace_api::dynamodb::{ListTagsOfResourceInput, ListTagsOfResourceOutput, Tag};
use millrace_wire::Caller;

use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: ListTagsOfResourceInput,
) -> Result<ListTagsOfResourceOutput, DynamodbError> {
    let key = request::resource_key(caller, &input.resource_arn)?;
    if input.next_token.is_some() {
        return Err(DynamodbError::Invalid(
            "Invalid NextToken: all tags are on the first page".to_owned(),
        ));
    }
    let tags = with_table(dynamodb, &key, |table| Ok(table.definition().tags.clone()))?;
    let tags = tags.into_iter().map(|(key, value)| Tag { key, value });
    Ok(ListTagsOfResourceOutput {
        tags: Some(tags.collect()),
        next_token: None,
    })
}

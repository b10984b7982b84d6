//! DeleteItem. To delete what is not there succeeds.

use millrace_api::dynamodb::{DeleteItemInput, DeleteItemOutput};
use millrace_wire::Caller;

use super::put_item::gives_old;
use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind, collection_metrics, item};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request::{self, Conditional};
use crate::dynamodb::state::{Change, Write};

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: DeleteItemInput,
) -> Result<DeleteItemOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let condition = Conditional {
        expected: input.expected,
        operator: input.conditional_operator,
        expression: input.condition_expression,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    let keyed = request::item(input.key)?;
    let gives_old = gives_old(input.return_values)?;
    let write = Write {
        table: key.clone(),
        condition: condition.read()?,
        change: Change::Delete(keyed.clone()),
    };
    let definition = with_table(dynamodb, &key, |table| {
        Ok(std::sync::Arc::clone(table.definition()))
    })?;
    let written = dynamodb
        .write_for(write, input.return_values_on_condition_check_failure)
        .await?;
    let cost = Cost::written(&definition, &written.units);
    Ok(DeleteItemOutput {
        attributes: written.old.filter(|_| gives_old).map(|old| item(&old)),
        consumed_capacity: cost.consumed(input.return_consumed_capacity, &key.name, Kind::Plain),
        item_collection_metrics: collection_metrics(
            input.return_item_collection_metrics,
            &definition,
            &keyed,
        ),
    })
}

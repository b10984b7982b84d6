//! PutItem.

use millrace_api::dynamodb::{PutItemInput, PutItemOutput, ReturnValue};
use millrace_wire::Caller;

use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind, collection_metrics, item};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request::{self, Conditional};
use crate::dynamodb::state::{Change, Write};

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: PutItemInput,
) -> Result<PutItemOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let condition = Conditional {
        expected: input.expected,
        operator: input.conditional_operator,
        expression: input.condition_expression,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    let new = request::item(input.item)?;
    let gives_old = gives_old(input.return_values)?;
    let write = Write {
        table: key.clone(),
        condition: condition.read()?,
        change: Change::Put(new.clone()),
    };
    let definition = with_table(dynamodb, &key, |table| {
        Ok(std::sync::Arc::clone(table.definition()))
    })?;
    let written = dynamodb
        .write_for(write, input.return_values_on_condition_check_failure)
        .await?;
    let cost = Cost::written(&definition, &written.units);
    Ok(PutItemOutput {
        attributes: written.old.filter(|_| gives_old).map(|old| item(&old)),
        consumed_capacity: cost.consumed(input.return_consumed_capacity, &key.name, Kind::Plain),
        item_collection_metrics: collection_metrics(input.return_item_collection_metrics, &definition, &new),
    })
}

/// Whether the item before is answered: all that PutItem and DeleteItem can answer.
pub(super) fn gives_old(asked: Option<ReturnValue>) -> Result<bool, DynamodbError> {
    match asked {
        None | Some(ReturnValue::None) => Ok(false),
        Some(ReturnValue::AllOld) => Ok(true),
        Some(_) => Err(DynamodbError::Invalid(
            "ReturnValues can only be ALL_OLD or NONE".to_owned(),
        )),
    }
}

//! UpdateItem. An item that is not there is made.

use millrace_api::dynamodb::{ReturnValue, UpdateItemInput, UpdateItemOutput};
use millrace_wire::Caller;

use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind, collection_metrics};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::{Path, pick};
use crate::dynamodb::model::{Item, item_into_wire};
use crate::dynamodb::request::{self, Conditional};
use crate::dynamodb::state::{Change, Write, Written};

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: UpdateItemInput,
) -> Result<UpdateItemOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let conditional = Conditional {
        expected: input.expected,
        operator: input.conditional_operator,
        expression: input.condition_expression,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    let keyed = request::item(input.key)?;
    let (condition, update) =
        conditional.read_update(input.update_expression.as_deref(), input.attribute_updates)?;
    let paths: Vec<Path> = update.paths().cloned().collect();
    let write = Write {
        table: key.clone(),
        condition,
        change: Change::Update(keyed.clone(), update),
    };
    let definition = with_table(dynamodb, &key, |table| {
        Ok(std::sync::Arc::clone(table.definition()))
    })?;
    let written = dynamodb
        .write_for(write, input.return_values_on_condition_check_failure)
        .await?;
    let cost = Cost::written(&definition, &written.units);
    let attributes = returned(input.return_values, &written, &paths);
    Ok(UpdateItemOutput {
        attributes: attributes
            .filter(|item| !item.is_empty())
            .map(|item| item_into_wire(&item)),
        consumed_capacity: cost.consumed(input.return_consumed_capacity, &key.name, Kind::Plain),
        item_collection_metrics: collection_metrics(
            input.return_item_collection_metrics,
            &definition,
            &keyed,
        ),
    })
}

/// What is answered: the item before or after, whole or where it was changed.
fn returned(asked: Option<ReturnValue>, written: &Written, paths: &[Path]) -> Option<Item> {
    let (item, whole) = match asked? {
        ReturnValue::None => return None,
        ReturnValue::AllOld => (written.old.as_deref()?, true),
        ReturnValue::AllNew => (written.new.as_deref()?, true),
        ReturnValue::UpdatedOld => (written.old.as_deref()?, false),
        ReturnValue::UpdatedNew => (written.new.as_deref()?, false),
    };
    Some(if whole {
        Item::clone(item)
    } else {
        pick(item, paths.iter())
    })
}

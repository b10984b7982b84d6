//! UpdateItem. An item that is not there is made.

use millrace_api::dynamodb::{ReturnValue, UpdateItemInput, UpdateItemOutput};
use millrace_wire::Caller;

use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind, collection_metrics};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::ast::{Action, Segment};
use crate::dynamodb::expression::pick;
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
    let actions = update.actions.clone();
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
    let attributes = returned(input.return_values, &written, &actions);
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

/// What is answered: the item before or after, whole or where it was changed. What was removed or appended to a list is
/// no change of what is there after.
fn returned(asked: Option<ReturnValue>, written: &Written, actions: &[Action]) -> Option<Item> {
    let none = Item::new();
    let old = written.old.as_deref().map_or(&none, |old| old);
    match asked? {
        ReturnValue::None => None,
        ReturnValue::AllOld => Some(old.clone()),
        ReturnValue::AllNew => Some(Item::clone(written.new.as_deref()?)),
        ReturnValue::UpdatedOld => Some(pick(old, actions.iter().map(Action::path))),
        ReturnValue::UpdatedNew => {
            let stays = |action: &&Action| {
                let path = action.path();
                let element = matches!(path.tail.last(), Some(Segment::Index(_)));
                !matches!(action, Action::Remove(_)) && (!element || path.of_item(old).is_some())
            };
            let changed = actions.iter().filter(stays).map(Action::path);
            Some(pick(written.new.as_deref()?, changed))
        }
    }
}

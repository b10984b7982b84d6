//! GetItem. Every read is consistent with what this node was told to write.

use millrace_api::dynamodb::{GetItemInput, GetItemOutput};
use millrace_wire::Caller;

use super::with_table;
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::{Cost, Kind};
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::expression::{self, Projection, Role, project};
use crate::dynamodb::model::{Item, item_into_wire};
use crate::dynamodb::request::{self, Parameters, attributes_to_get};
use crate::dynamodb::state::check_key;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: GetItemInput,
) -> Result<GetItemOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let projection = projection(
        input.projection_expression.as_deref(),
        input.attributes_to_get,
        input.expression_attribute_names,
    )?;
    let item = request::item(input.key)?;
    let found = with_table(dynamodb, &key, |table| {
        check_key(table.definition(), &item)?;
        let paths = projection.iter().flat_map(|projection| &projection.0);
        table
            .definition()
            .check_paths(paths)
            .map_err(DynamodbError::Invalid)?;
        Ok(table.get(&item).cloned())
    })?;
    let cost = Cost {
        table: Cost::read(
            found.as_ref().map_or(0, |item| item.size()),
            input.consistent_read == Some(true),
        ),
        indexes: Vec::new(),
    };
    Ok(GetItemOutput {
        item: found.map(|item| item_into_wire(&projected(&item, projection.as_ref()))),
        consumed_capacity: cost.consumed(input.return_consumed_capacity, &key.name, Kind::Plain),
    })
}

/// The projection of a read in one of its two forms.
pub(super) fn projection(
    expression: Option<&str>,
    legacy: Option<Vec<String>>,
    names: Option<millrace_api::Entries<String>>,
) -> Result<Option<Projection>, DynamodbError> {
    let parameters = Parameters {
        expressions: &[(Role::Projection, expression.is_some())],
        legacy: &[("AttributesToGet", legacy.is_some())],
    };
    let mut given = parameters.placeholders(names, None)?;
    let legacy = legacy.map(attributes_to_get).transpose()?;
    let projection = expression
        .map(|text| expression::projection(text, &mut given))
        .transpose()?;
    given.check_used()?;
    Ok(projection.or(legacy))
}

/// What of an item was asked for.
pub(super) fn projected(item: &Item, projection: Option<&Projection>) -> Item {
    projection.map_or_else(|| item.clone(), |projection| project(item, projection))
}

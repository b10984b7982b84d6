//! From a request's members to the model: tables, items, parameters that exclude each other, conditions, schemas, and
//! what Query and Scan share.

mod conditional;
mod parameters;
mod reading;
mod schema;

pub(crate) use conditional::Conditional;
pub(crate) use parameters::{Parameters, attributes_to_get};
pub(crate) use reading::{Answered, INVALID_START, Reading, Source, start};
pub(crate) use schema::{NewIndex, attributes, billing, global_index, key_schema, local_index, throughput};

use millrace_api::Entries;
use millrace_api::dynamodb as types;
use millrace_wire::Caller;
use millrace_wire::arn::Arn;

use super::error::DynamodbError;
use super::model::{Item, item_from_wire};
use super::state::TableKey;

/// Lengths of a table's name.
const NAME_LENGTHS: std::ops::RangeInclusive<usize> = 3..=255;

/// Refuses a name that no table and no index can have.
pub(crate) fn check_name(name: &str) -> Result<(), DynamodbError> {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if plain && NAME_LENGTHS.contains(&name.len()) {
        return Ok(());
    }
    Err(DynamodbError::Invalid(
        "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only \
         the characters a-z, A-Z, 0-9, '_', '-', and '.'"
            .to_owned(),
    ))
}

/// The table that a request names, by its name or its ARN.
pub(crate) fn table_key(caller: &Caller, text: &str) -> Result<TableKey, DynamodbError> {
    let Ok(arn) = Arn::parse(text) else {
        check_name(text)?;
        return Ok(TableKey::new(&*caller.account, &*caller.region, text));
    };
    let name = arn
        .resource
        .strip_prefix("table/")
        .filter(|_| arn.service == "dynamodb");
    let name = name.ok_or_else(|| DynamodbError::Invalid(format!("Invalid table ARN: {text}")))?;
    check_name(name)?;
    if arn.account != caller.account {
        return Err(DynamodbError::CrossAccount {
            principal: caller.principal().to_owned(),
            arn: text.to_owned(),
        });
    }
    if arn.region != caller.region {
        return Err(DynamodbError::Invalid(format!(
            "Invalid table ARN: its region {} is not that of the request, {}",
            arn.region, caller.region
        )));
    }
    Ok(TableKey::new(arn.account, arn.region, name))
}

/// An item or a key of a request.
pub(crate) fn item(entries: Entries<types::AttributeValue>) -> Result<Item, DynamodbError> {
    item_from_wire(entries).map_err(|fault| DynamodbError::Invalid(fault.to_string()))
}

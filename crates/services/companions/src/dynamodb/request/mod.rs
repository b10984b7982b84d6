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
use millrace_wire::access::Target;
use millrace_wire::arn::Arn;

use super::answer;
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

/// The table that a request names, by its name or its ARN, for a caller that may do to it what it asks for. There is no
/// other way to a table's key, so that no operation can forget to ask.
pub(crate) fn table_key(caller: &Caller, text: &str) -> Result<TableKey, DynamodbError> {
    table_key_for(caller, caller.operation, text)
}

/// The same where a request names its table as a resource: by its ARN only.
pub(crate) fn resource_key(caller: &Caller, arn: &str) -> Result<TableKey, DynamodbError> {
    if Arn::parse(arn).is_err() {
        return Err(DynamodbError::Invalid(format!(
            "Invalid TableArn: Invalid ResourceArn provided as input {arn}"
        )));
    }
    table_key(caller, arn)
}

/// The same for one part of a request that needs another permission.
pub(crate) fn table_key_for(caller: &Caller, action: &str, text: &str) -> Result<TableKey, DynamodbError> {
    let key = named(caller, text)?;
    caller.authorize_as(action, &Target::new(&key.account, &|| answer::arn(&key)))?;
    Ok(key)
}

/// The same where one of the table's indexes is asked, if one is.
pub(crate) fn source_key(
    caller: &Caller,
    text: &str,
    index: Option<&str>,
) -> Result<TableKey, DynamodbError> {
    let Some(index) = index else {
        return table_key(caller, text);
    };
    let key = named(caller, text)?;
    let arn = || format!("{}/index/{index}", answer::arn(&key));
    caller.authorize(&Target::new(&key.account, &arn))?;
    Ok(key)
}

fn named(caller: &Caller, text: &str) -> Result<TableKey, DynamodbError> {
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

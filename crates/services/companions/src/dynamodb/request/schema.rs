//! Key schemas, indexes and throughput of CreateTable and UpdateTable.

use millrace_api::dynamodb::{
    self as types, AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ProjectionType,
    ProvisionedThroughput, ScalarAttributeType,
};

use super::check_name;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::model::{KeyAttribute, KeySchema, ScalarType};
use crate::dynamodb::state::{Billing, IndexDefinition, Projected, Throughput};

/// Most units that may be provisioned.
const UNITS_MAX: i64 = 1_000_000_000_000;

fn invalid(what: impl std::fmt::Display) -> DynamodbError {
    DynamodbError::Invalid(format!("One or more parameter values were invalid: {what}"))
}

fn malformed(what: &str) -> DynamodbError {
    DynamodbError::Invalid(what.to_owned())
}

/// The attributes of all keys.
pub(crate) fn attributes(definitions: Vec<AttributeDefinition>) -> Result<Vec<KeyAttribute>, DynamodbError> {
    let mut attributes: Vec<KeyAttribute> = Vec::new();
    for definition in definitions {
        let attribute = KeyAttribute {
            name: definition.attribute_name,
            kind: match definition.attribute_type {
                ScalarAttributeType::S => ScalarType::S,
                ScalarAttributeType::N => ScalarType::N,
                ScalarAttributeType::B => ScalarType::B,
            },
        };
        if attributes.iter().any(|known| known.name == attribute.name) {
            return Err(malformed("Cannot have two attributes with the same name"));
        }
        attributes.push(attribute);
    }
    Ok(attributes)
}

/// A key of attributes that are defined.
pub(crate) fn key_schema(
    elements: &[KeySchemaElement],
    attributes: &[KeyAttribute],
) -> Result<KeySchema, DynamodbError> {
    let find = |name: &str| {
        attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .cloned()
    };
    if elements
        .iter()
        .any(|element| find(&element.attribute_name).is_none())
    {
        let keys: Vec<&str> = elements
            .iter()
            .map(|element| element.attribute_name.as_str())
            .collect();
        let known: Vec<&str> = attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .collect();
        return Err(invalid(format!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            keys.join(", "),
            known.join(", ")
        )));
    }
    let (hash, range) = match elements {
        [hash] => (hash, None),
        [hash, range] => (hash, Some(range)),
        _ => {
            return Err(malformed(
                "Invalid KeySchema: a key has one or two elements here, HASH and RANGE",
            ));
        }
    };
    if hash.key_type != KeyType::Hash {
        return Err(malformed(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ));
    }
    if range.is_some_and(|range| range.key_type != KeyType::Range) {
        return Err(malformed(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ));
    }
    if range.is_some_and(|range| range.attribute_name == hash.attribute_name) {
        return Err(malformed(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    let missing = || malformed("Invalid KeySchema: Some index key attribute have no definition");
    Ok(KeySchema {
        hash: find(&hash.attribute_name).ok_or_else(missing)?,
        range: range
            .map(|range| find(&range.attribute_name).ok_or_else(missing))
            .transpose()?,
    })
}

fn projected(projection: types::Projection) -> Result<Projected, DynamodbError> {
    let types::Projection {
        projection_type,
        non_key_attributes,
    } = projection;
    let kind = projection_type.ok_or_else(|| invalid("Unknown ProjectionType: null"))?;
    match (kind, non_key_attributes) {
        (ProjectionType::All, None) => Ok(Projected::All),
        (ProjectionType::KeysOnly, None) => Ok(Projected::Keys),
        (ProjectionType::Include, Some(names)) => Ok(Projected::Some(names)),
        (ProjectionType::Include, None) => Err(invalid(
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        )),
        (kind, Some(_)) => Err(invalid(format!(
            "ProjectionType is {}, but NonKeyAttributes is specified",
            kind.as_str()
        ))),
    }
}

/// The members that all ways to define a global index have.
pub(crate) struct NewIndex {
    pub(crate) index_name: String,
    pub(crate) key_schema: Vec<KeySchemaElement>,
    pub(crate) projection: types::Projection,
    pub(crate) provisioned_throughput: Option<ProvisionedThroughput>,
}

/// A global index of a table that is paid for like that.
pub(crate) fn global_index(
    index: NewIndex,
    attributes: &[KeyAttribute],
    billing: Billing,
) -> Result<IndexDefinition, DynamodbError> {
    let NewIndex {
        index_name: name,
        key_schema: elements,
        projection,
        provisioned_throughput,
    } = index;
    check_name(&name)?;
    let key = key_schema(&elements, attributes)?;
    let throughput = match (billing, provisioned_throughput) {
        (Billing::OnDemand, None) => None,
        (Billing::OnDemand, Some(_)) => {
            return Err(invalid(format!(
                "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            )));
        }
        (Billing::Provisioned(_), Some(units)) => Some(throughput(&units)?),
        (Billing::Provisioned(_), None) => {
            return Err(invalid(format!(
                "ProvisionedThroughput must be specified for index: {name}"
            )));
        }
    };
    Ok(IndexDefinition {
        name,
        key,
        projected: projected(projection)?,
        global: true,
        throughput,
    })
}

/// A local index of a table with that key.
pub(crate) fn local_index(
    index: types::LocalSecondaryIndex,
    attributes: &[KeyAttribute],
    table: &KeySchema,
) -> Result<IndexDefinition, DynamodbError> {
    let types::LocalSecondaryIndex {
        index_name: name,
        key_schema: elements,
        projection,
    } = index;
    check_name(&name)?;
    if table.range.is_none() {
        return Err(invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ));
    }
    let key = key_schema(&elements, attributes)?;
    if key.range.is_none() {
        return Err(invalid(format!(
            "Index KeySchema does not have a range key for index: {name}"
        )));
    }
    if key.hash.name != table.hash.name {
        return Err(invalid(format!(
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. index hash \
             key: {}, table hash key: {}",
            key.hash.name, table.hash.name
        )));
    }
    Ok(IndexDefinition {
        name,
        key,
        projected: projected(projection)?,
        global: false,
        throughput: None,
    })
}

/// Units that may be provisioned.
pub(crate) fn throughput(units: &ProvisionedThroughput) -> Result<Throughput, DynamodbError> {
    let ProvisionedThroughput {
        read_capacity_units: read,
        write_capacity_units: write,
    } = *units;
    for (units, name) in [(read, "ReadCapacityUnits"), (write, "WriteCapacityUnits")] {
        if !(1..=UNITS_MAX).contains(&units) {
            return Err(malformed(&format!(
                "Given value {units} for {name} is out of bounds"
            )));
        }
    }
    Ok(Throughput { read, write })
}

/// How a new table is paid for.
pub(crate) fn billing(
    mode: Option<BillingMode>,
    units: Option<&ProvisionedThroughput>,
) -> Result<Billing, DynamodbError> {
    match (mode, units) {
        (Some(BillingMode::PayPerRequest), None) => Ok(Billing::OnDemand),
        (Some(BillingMode::PayPerRequest), Some(_)) => Err(invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (_, Some(units)) => throughput(units).map(Billing::Provisioned),
        (_, None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
    }
}

//! CreateTable. A table is made at once; the answer says CREATING all the same, since clients wait for ACTIVE.

use std::collections::{BTreeMap, BTreeSet};

use millrace_api::dynamodb::{
    CreateTableInput, CreateTableOutput, IndexStatus, SSESpecification, TableStatus, Tag,
};
use millrace_wire::Caller;

use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::describe;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::limits::{GLOBAL_INDEXES_MAX, LOCAL_INDEXES_MAX, TAGS_MAX};
use crate::dynamodb::model::{KeyAttribute, KeySchema};
use crate::dynamodb::request::{self, NewIndex, attributes, billing, global_index, key_schema, local_index};
use crate::dynamodb::state::{Billing, Command, IndexDefinition, NewTable};

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    mut input: CreateTableInput,
) -> Result<CreateTableOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    check_supported(&input)?;
    let billing = billing(input.billing_mode, input.provisioned_throughput.as_ref())?;
    let attributes = attributes(input.attribute_definitions.take().unwrap_or_default())?;
    let elements = input.key_schema.take().unwrap_or_default();
    let schema = key_schema(&elements, &attributes)?;
    let indexes = indexes(&mut input, &attributes, &schema, billing)?;
    check_used(&attributes, &schema, &indexes)?;
    let table = NewTable {
        id: dynamodb.rng().uuid(),
        attributes,
        key: schema,
        billing,
        indexes,
        deletion_protection: input.deletion_protection_enabled.unwrap_or(false),
        tags: tags(input.tags.unwrap_or_default())?,
        class: input.table_class.map(|class| class.as_str().to_owned()),
    };
    let command = Command::CreateTable {
        key: key.clone(),
        table,
    };
    let table = dynamodb.change_table(command).await?;
    let mut description = describe(&key, &table, TableStatus::Creating, None);
    for index in description.global_secondary_indexes.iter_mut().flatten() {
        index.index_status = Some(IndexStatus::Creating);
    }
    Ok(CreateTableOutput {
        table_description: Some(description),
    })
}

/// Refuses what would have to work and does not.
fn check_supported(input: &CreateTableInput) -> Result<(), DynamodbError> {
    let streams = input
        .stream_specification
        .as_ref()
        .is_some_and(|stream| stream.stream_enabled);
    let what = if streams {
        "StreamSpecification"
    } else if input.sse_specification.as_ref().is_some_and(own_key) {
        "KMSMasterKeyId of SSESpecification"
    } else if input.resource_policy.is_some() {
        "ResourcePolicy"
    } else if input.global_table_source_arn.is_some()
        || input.global_table_settings_replication_mode.is_some()
    {
        "GlobalTableSourceArn"
    } else if input
        .vector_indexes
        .as_ref()
        .is_some_and(|indexes| !indexes.is_empty())
    {
        "VectorIndexes"
    } else {
        return Ok(());
    };
    Err(DynamodbError::NotBuilt(what))
}

/// Whether a table is to be encrypted with a key of the caller's. That it be encrypted is accepted: so is every table of
/// DynamoDB, with a key that is not its owner's, and no description says so.
pub(super) fn own_key(encryption: &SSESpecification) -> bool {
    encryption.enabled == Some(true) && encryption.kms_master_key_id.is_some()
}

fn invalid(what: impl std::fmt::Display) -> DynamodbError {
    DynamodbError::Invalid(format!("One or more parameter values were invalid: {what}"))
}

fn indexes(
    input: &mut CreateTableInput,
    attributes: &[KeyAttribute],
    table: &KeySchema,
    billing: Billing,
) -> Result<Vec<IndexDefinition>, DynamodbError> {
    let mut all = Vec::new();
    if let Some(local) = input.local_secondary_indexes.take() {
        if local.is_empty() {
            return Err(invalid("List of LocalSecondaryIndexes is empty"));
        }
        if local.len() > LOCAL_INDEXES_MAX {
            return Err(invalid(format!(
                "Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}"
            )));
        }
        for index in local {
            all.push(local_index(index, attributes, table)?);
        }
    }
    if let Some(global) = input.global_secondary_indexes.take() {
        if global.is_empty() {
            return Err(invalid("List of GlobalSecondaryIndexes is empty"));
        }
        if global.len() > GLOBAL_INDEXES_MAX {
            return Err(invalid(format!(
                "GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}"
            )));
        }
        for index in global {
            let index = NewIndex {
                index_name: index.index_name,
                key_schema: index.key_schema,
                projection: index.projection,
                provisioned_throughput: index.provisioned_throughput,
            };
            all.push(global_index(index, attributes, billing)?);
        }
    }
    let mut names = BTreeSet::new();
    match all.iter().find(|index| !names.insert(&index.name)) {
        Some(twice) => Err(invalid(format!("Duplicate index name: {}", twice.name))),
        None => Ok(all),
    }
}

/// Every attribute must be part of some key.
fn check_used(
    attributes: &[KeyAttribute],
    table: &KeySchema,
    indexes: &[IndexDefinition],
) -> Result<(), DynamodbError> {
    let used = |name: &str| table.has(name) || indexes.iter().any(|index| index.key.has(name));
    if attributes.iter().all(|attribute| used(&attribute.name)) {
        return Ok(());
    }
    Err(if indexes.is_empty() {
        invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in \
             AttributeDefinitions",
        )
    } else {
        invalid(
            "Some AttributeDefinitions are not used: each must be part of the key of the table or of an index",
        )
    })
}

pub(super) fn tags(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, DynamodbError> {
    let count = tags.len();
    let tags: BTreeMap<_, _> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    if tags.len() < count {
        return Err(invalid("Duplicate keys in Tags"));
    }
    if count > TAGS_MAX {
        return Err(invalid(format!("Tags exceed the limit of {TAGS_MAX} per table")));
    }
    Ok(tags)
}

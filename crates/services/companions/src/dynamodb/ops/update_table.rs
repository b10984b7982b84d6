//! UpdateTable. Everything is done at once; the answer says UPDATING, and CREATING or DELETING of an index, since
//! clients wait for ACTIVE.

use millrace_api::dynamodb::{
    BillingMode, GlobalSecondaryIndexUpdate, IndexStatus, TableStatus, UpdateTableInput, UpdateTableOutput,
};
use millrace_wire::Caller;

use super::create_table::own_key;
use super::{naming, with_table};
use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::describe;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::model::KeyAttribute;
use crate::dynamodb::request::{self, NewIndex, attributes, global_index, throughput};
use crate::dynamodb::state::{Billing, Command, Definition, IndexUpdate, TableUpdate};

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    mut input: UpdateTableInput,
) -> Result<UpdateTableOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    check_supported(&input)?;
    let updates = input.global_secondary_index_updates.take().unwrap_or_default();
    check_something(&input, &updates)?;
    check_index_updates(&updates)?;
    let definition = with_table(dynamodb, &key, |table| {
        Ok(std::sync::Arc::clone(table.definition()))
    })
    .map_err(|e| naming(&key, e))?;
    let billing = billing(&input, &definition)?;
    let attributes = attributes(input.attribute_definitions.take().unwrap_or_default())?;
    let paid = billing.unwrap_or(definition.billing);
    let indexes = updates
        .into_iter()
        .map(|update| index_update(update, &attributes, paid));
    let indexes = indexes.collect::<Result<_, _>>()?;
    let update = TableUpdate {
        attributes,
        billing,
        indexes,
        deletion_protection: input.deletion_protection_enabled,
        class: input.table_class.map(|class| class.as_str().to_owned()),
    };
    let changing = update.indexes.first().cloned();
    let command = Command::UpdateTable {
        key: key.clone(),
        update,
    };
    let table = dynamodb
        .change_table(command)
        .await
        .map_err(|e| naming(&key, e))?;
    let changing = match &changing {
        Some(IndexUpdate::Create(index)) => Some((index.name.as_str(), IndexStatus::Creating)),
        Some(IndexUpdate::Update(name, _)) => Some((name.as_str(), IndexStatus::Updating)),
        Some(IndexUpdate::Delete(_)) | None => None,
    };
    Ok(UpdateTableOutput {
        table_description: Some(describe(&key, &table, TableStatus::Updating, changing)),
    })
}

/// Refuses what would have to work and does not.
fn check_supported(input: &UpdateTableInput) -> Result<(), DynamodbError> {
    let streams = input
        .stream_specification
        .as_ref()
        .is_some_and(|stream| stream.stream_enabled);
    let what = if streams {
        "StreamSpecification"
    } else if input.sse_specification.as_ref().is_some_and(own_key) {
        "KMSMasterKeyId of SSESpecification"
    } else if input
        .replica_updates
        .as_ref()
        .is_some_and(|updates| !updates.is_empty())
    {
        "ReplicaUpdates"
    } else if input
        .vector_index_updates
        .as_ref()
        .is_some_and(|updates| !updates.is_empty())
    {
        "VectorIndexUpdates"
    } else {
        return Ok(());
    };
    Err(DynamodbError::NotBuilt(what))
}

fn check_something(
    input: &UpdateTableInput,
    updates: &[GlobalSecondaryIndexUpdate],
) -> Result<(), DynamodbError> {
    let something = input.provisioned_throughput.is_some()
        || input.billing_mode.is_some()
        || input.deletion_protection_enabled.is_some()
        || input.table_class.is_some()
        || input.stream_specification.is_some()
        || input.sse_specification.is_some()
        || input.on_demand_throughput.is_some()
        || input.warm_throughput.is_some()
        || !updates.is_empty();
    if something {
        return Ok(());
    }
    Err(DynamodbError::Invalid(
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or \
         SSESpecification or ReplicaUpdates is required"
            .to_owned(),
    ))
}

fn invalid(what: impl std::fmt::Display) -> DynamodbError {
    DynamodbError::Invalid(format!("One or more parameter values were invalid: {what}"))
}

/// One thing at a time for each index, and one index made or dropped at a time.
fn check_index_updates(updates: &[GlobalSecondaryIndexUpdate]) -> Result<(), DynamodbError> {
    let mut names: Vec<&str> = Vec::new();
    for update in updates {
        let name = match (&update.create, &update.update, &update.delete) {
            (Some(create), None, None) => &create.index_name,
            (None, Some(update), None) => &update.index_name,
            (None, None, Some(delete)) => &delete.index_name,
            _ => {
                return Err(invalid(
                    "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                     GlobalSecondaryIndexUpdate.Delete must not be null",
                ));
            }
        };
        if names.contains(&name.as_str()) {
            return Err(invalid(format!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
        names.push(name);
    }
    if updates.iter().filter(|update| update.update.is_none()).count() > 1 {
        return Err(DynamodbError::LimitExceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                .to_owned(),
        ));
    }
    Ok(())
}

/// How the table is paid for from now on; `None` as before.
fn billing(input: &UpdateTableInput, definition: &Definition) -> Result<Option<Billing>, DynamodbError> {
    let units = input.provisioned_throughput.as_ref();
    match (input.billing_mode, units) {
        (Some(BillingMode::PayPerRequest), None) => Ok(Some(Billing::OnDemand)),
        (Some(BillingMode::PayPerRequest), Some(_)) => Err(invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (Some(BillingMode::Provisioned), None) => Err(invalid(
            "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        )),
        (None, Some(_)) if definition.billing == Billing::OnDemand => Err(invalid(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        )),
        (_, Some(units)) => Ok(Some(Billing::Provisioned(throughput(units)?))),
        (None, None) => Ok(None),
    }
}

fn index_update(
    update: GlobalSecondaryIndexUpdate,
    known: &[KeyAttribute],
    billing: Billing,
) -> Result<IndexUpdate, DynamodbError> {
    let GlobalSecondaryIndexUpdate {
        update,
        create,
        delete,
    } = update;
    if let Some(create) = create {
        let index = NewIndex {
            index_name: create.index_name,
            key_schema: create.key_schema,
            projection: create.projection,
            provisioned_throughput: create.provisioned_throughput,
        };
        return global_index(index, known, billing).map(IndexUpdate::Create);
    }
    if let Some(delete) = delete {
        return Ok(IndexUpdate::Delete(delete.index_name));
    }
    let update = update.ok_or_else(|| invalid("One of Update, Create, Delete must not be null"))?;
    let units = update.provisioned_throughput.as_ref();
    let units =
        units.ok_or_else(|| invalid("ProvisionedThroughput must be specified for an index update"))?;
    Ok(IndexUpdate::Update(update.index_name, throughput(units)?))
}

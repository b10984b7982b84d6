//! What several operations answer: descriptions of tables, and what a call would cost.

use millrace_api::dynamodb::{
    self as types, BillingMode, Capacity, ConsumedCapacity, IndexStatus, KeySchemaElement, KeyType,
    ProjectionType, ReturnConsumedCapacity, ReturnItemCollectionMetrics, ScalarAttributeType, TableStatus,
};
use millrace_api::{Entries, EpochMillis};
use millrace_base::Timestamp;
use millrace_wire::arn::{Arn, partition_of};

use super::model::{Item, KeySchema, ScalarType, item_into_wire};
use super::state::{
    Billing, Definition, Described, IndexDefinition, Projected, StoredItem, TableKey, Throughput, Units,
};

/// A point in time as it is answered.
pub(crate) fn millis(at: Timestamp) -> EpochMillis {
    EpochMillis(i64::try_from(at.0).unwrap_or(i64::MAX))
}

fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// The ARN of a table.
pub(crate) fn arn(key: &TableKey) -> String {
    let arn = Arn {
        partition: partition_of(&key.region).to_owned(),
        service: "dynamodb".to_owned(),
        region: key.region.clone(),
        account: key.account.clone(),
        resource: format!("table/{}", key.name),
    };
    arn.to_string()
}

/// A table in that state. An index that is named is not ACTIVE either, but as said.
pub(crate) fn describe(
    key: &TableKey,
    table: &Described,
    status: TableStatus,
    changing: Option<(&str, IndexStatus)>,
) -> types::TableDescription {
    let Definition {
        id,
        created,
        attributes,
        key: schema,
        billing,
        on_demand_since,
        indexes,
        deletion_protection,
        class,
        ..
    } = &*table.definition;
    let arn = arn(key);
    let sizes = indexes.iter().zip(&table.indexes);
    let (global, local): (Vec<_>, Vec<_>) = sizes.partition(|(index, _)| index.global);
    let global: Vec<_> = global
        .into_iter()
        .map(|(index, size)| {
            let changing = changing
                .filter(|(name, _)| *name == index.name)
                .map(|(_, status)| status);
            global_index(&arn, index, *size, changing.unwrap_or(IndexStatus::Active))
        })
        .collect();
    let local: Vec<_> = local
        .into_iter()
        .map(|(index, size)| local_index(&arn, index, *size))
        .collect();
    types::TableDescription {
        attribute_definitions: Some(attributes.iter().map(attribute).collect()),
        table_name: Some(key.name.clone()),
        key_schema: Some(key_schema(schema)),
        table_status: Some(status),
        creation_date_time: Some(millis(*created)),
        provisioned_throughput: Some(provisioned(*billing)),
        table_size_bytes: Some(count(table.bytes)),
        item_count: Some(count(table.items)),
        table_arn: Some(arn),
        table_id: Some(id.clone()),
        billing_mode_summary: billing_summary(*billing, *on_demand_since),
        local_secondary_indexes: Some(local).filter(|local| !local.is_empty()),
        global_secondary_indexes: Some(global).filter(|global| !global.is_empty()),
        table_class_summary: class.as_deref().and_then(types::TableClass::parse).map(|class| {
            types::TableClassSummary {
                table_class: Some(class),
                last_update_date_time: None,
            }
        }),
        deletion_protection_enabled: Some(*deletion_protection),
        ..types::TableDescription::default()
    }
}

/// A table that was never PAY_PER_REQUEST has no summary.
fn billing_summary(billing: Billing, since: Option<Timestamp>) -> Option<types::BillingModeSummary> {
    since.map(|since| types::BillingModeSummary {
        billing_mode: Some(match billing {
            Billing::OnDemand => BillingMode::PayPerRequest,
            Billing::Provisioned(_) => BillingMode::Provisioned,
        }),
        last_update_to_pay_per_request_date_time: Some(millis(since)),
    })
}

fn attribute(attribute: &super::model::KeyAttribute) -> types::AttributeDefinition {
    types::AttributeDefinition {
        attribute_name: attribute.name.clone(),
        attribute_type: match attribute.kind {
            ScalarType::S => ScalarAttributeType::S,
            ScalarType::N => ScalarAttributeType::N,
            ScalarType::B => ScalarAttributeType::B,
        },
    }
}

fn key_schema(schema: &KeySchema) -> Vec<KeySchemaElement> {
    let types = [KeyType::Hash, KeyType::Range];
    let elements = schema
        .attributes()
        .zip(types)
        .map(|(attribute, key_type)| KeySchemaElement {
            attribute_name: attribute.name.clone(),
            key_type,
        });
    elements.collect()
}

fn provisioned(billing: Billing) -> types::ProvisionedThroughputDescription {
    let throughput = match billing {
        Billing::OnDemand => None,
        Billing::Provisioned(throughput) => Some(throughput),
    };
    let Throughput { read, write } = throughput.unwrap_or(Throughput { read: 0, write: 0 });
    types::ProvisionedThroughputDescription {
        number_of_decreases_today: Some(0),
        read_capacity_units: Some(read),
        write_capacity_units: Some(write),
        ..types::ProvisionedThroughputDescription::default()
    }
}

fn projection(projected: &Projected) -> types::Projection {
    let (kind, names) = match projected {
        Projected::All => (ProjectionType::All, None),
        Projected::Keys => (ProjectionType::KeysOnly, None),
        Projected::Some(names) => (ProjectionType::Include, Some(names.clone())),
    };
    types::Projection {
        projection_type: Some(kind),
        non_key_attributes: names,
    }
}

fn global_index(
    table: &str,
    index: &IndexDefinition,
    (items, bytes): (usize, u64),
    status: IndexStatus,
) -> types::GlobalSecondaryIndexDescription {
    types::GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(key_schema(&index.key)),
        projection: Some(projection(&index.projected)),
        index_status: Some(status),
        backfilling: (status == IndexStatus::Creating).then_some(false),
        provisioned_throughput: Some(provisioned(
            index.throughput.map_or(Billing::OnDemand, Billing::Provisioned),
        )),
        index_size_bytes: Some(count(bytes)),
        item_count: Some(count(items)),
        index_arn: Some(format!("{table}/index/{}", index.name)),
        ..types::GlobalSecondaryIndexDescription::default()
    }
}

fn local_index(
    table: &str,
    index: &IndexDefinition,
    (items, bytes): (usize, u64),
) -> types::LocalSecondaryIndexDescription {
    types::LocalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(key_schema(&index.key)),
        projection: Some(projection(&index.projected)),
        index_size_bytes: Some(count(bytes)),
        item_count: Some(count(items)),
        index_arn: Some(format!("{table}/index/{}", index.name)),
    }
}

/// What a call would cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// Units of the table itself.
    pub(crate) table: f64,
    /// Units of indexes that it touches: name, whether it is global, units.
    pub(crate) indexes: Vec<(String, bool, f64)>,
}

/// Whether units are told apart by their kind, as transactions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They are not.
    Plain,
    /// Of TransactGetItems.
    Reads,
    /// Of TransactWriteItems.
    Writes,
}

impl Cost {
    /// The cost of reading `bytes` in one go: units of 4 KiB, half as much where stale data would do.
    pub(crate) fn read(bytes: usize, consistent: bool) -> f64 {
        let blocks = f64::from(u32::try_from(bytes.div_ceil(4096)).unwrap_or(u32::MAX).max(1));
        if consistent { blocks } else { blocks / 2.0 }
    }

    /// The cost of a write.
    pub(crate) fn written(definition: &Definition, units: &Units) -> Self {
        let indexes = definition
            .indexes
            .iter()
            .zip(&units.indexes)
            .filter(|(_, units)| **units > 0);
        Self {
            table: f64::from(units.table),
            indexes: indexes
                .map(|(index, units)| (index.name.clone(), index.global, f64::from(*units)))
                .collect(),
        }
    }

    /// Both together.
    pub(crate) fn add(&mut self, other: Self) {
        self.table += other.table;
        for (name, global, units) in other.indexes {
            match self.indexes.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, _, sum)) => *sum += units,
                None => self.indexes.push((name, global, units)),
            }
        }
    }

    /// Twice as much, as transactions cost.
    pub(crate) fn doubled(mut self) -> Self {
        let again = self.clone();
        self.add(again);
        self
    }

    /// As it is answered to who asked for it.
    pub(crate) fn consumed(
        &self,
        asked: Option<ReturnConsumedCapacity>,
        table: &str,
        kind: Kind,
    ) -> Option<ConsumedCapacity> {
        let detailed = match asked? {
            ReturnConsumedCapacity::None => return None,
            ReturnConsumedCapacity::Total => false,
            ReturnConsumedCapacity::Indexes => true,
        };
        let capacity = |units: f64| Capacity {
            read_capacity_units: (kind == Kind::Reads).then_some(units),
            write_capacity_units: (kind == Kind::Writes).then_some(units),
            capacity_units: Some(units),
        };
        let of = |wanted: bool| {
            let indexes = self.indexes.iter().filter(|(_, global, _)| *global == wanted);
            let entries: Vec<_> = indexes
                .map(|(name, _, units)| (name.clone(), capacity(*units)))
                .collect();
            Some(Entries(entries)).filter(|entries| detailed && !entries.0.is_empty())
        };
        let total = capacity(self.table + self.indexes.iter().map(|(_, _, units)| units).sum::<f64>());
        Some(ConsumedCapacity {
            table_name: Some(table.to_owned()),
            capacity_units: total.capacity_units,
            read_capacity_units: total.read_capacity_units,
            write_capacity_units: total.write_capacity_units,
            table: detailed.then(|| capacity(self.table)),
            local_secondary_indexes: of(false),
            global_secondary_indexes: of(true),
            vector_indexes: None,
        })
    }
}

/// The metrics of an item collection, which tables with local indexes have: its partition key, and a range of
/// gigabytes that its size is in.
pub(crate) fn collection_metrics(
    asked: Option<ReturnItemCollectionMetrics>,
    definition: &Definition,
    keyed: &Item,
) -> Option<types::ItemCollectionMetrics> {
    let wanted = asked == Some(ReturnItemCollectionMetrics::Size);
    if !wanted || definition.indexes.iter().all(|index| index.global) {
        return None;
    }
    let hash = &definition.key.hash.name;
    let (name, value) = keyed.get_key_value(hash)?;
    Some(types::ItemCollectionMetrics {
        item_collection_key: Some(item_into_wire(&Item::from([(name.clone(), value.clone())]))),
        size_estimate_range_gb: Some(vec![0.0, 1.0]),
    })
}

/// An item as it is answered.
pub(crate) fn item(item: &StoredItem) -> Entries<types::AttributeValue> {
    item_into_wire(item)
}

//! PutMetricData

use millrace_api::cloudwatch::{MetricDatum, PutMetricDataInput};
use millrace_wire::Caller;

use crate::cloudwatch::datum;
use crate::cloudwatch::error::CloudwatchError;
use crate::cloudwatch::limits::DATA_MAX;
use crate::cloudwatch::service::Cloudwatch;
use crate::cloudwatch::state::{Tenant, Update};

/// Takes data in: durable and visible when answered, all or none. What entities they are of is accepted and not kept.
pub(super) async fn call(
    cloudwatch: &Cloudwatch,
    caller: &Caller,
    input: PutMetricDataInput,
) -> Result<(), CloudwatchError> {
    check_namespace(&input.namespace)?;
    let data = data(input.metric_data, input.entity_metric_data);
    if data.is_empty() {
        return Err(CloudwatchError::Missing(
            "The parameter MetricData is required.".to_owned(),
        ));
    }
    if data.len() > DATA_MAX {
        return Err(CloudwatchError::InvalidValue(format!(
            "The collection MetricData must not have a size greater than {DATA_MAX}."
        )));
    }
    let now = cloudwatch.0.clock.now();
    let mut samples = Vec::with_capacity(data.len());
    for (path, datum) in data {
        samples.extend(datum::samples(&input.namespace, &path, datum, now)?);
    }
    if samples.is_empty() {
        return Ok(());
    }
    let update = Update {
        tenant: Tenant {
            account: caller.account.clone(),
            region: caller.region.clone(),
        },
        samples,
    };
    cloudwatch.0.journal.put(&update).await
}

/// Letters, digits and `.-_/#: `, not of the services' own (API PutMetricData, `Namespace`).
fn check_namespace(namespace: &str) -> Result<(), CloudwatchError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_/#: ".contains(&b);
    let wrong = if namespace.starts_with("AWS/") {
        "AWS/"
    } else if namespace.bytes().all(plain) && !namespace.trim().is_empty() {
        return Ok(());
    } else {
        namespace
    };
    Err(CloudwatchError::InvalidValue(format!(
        "The value {wrong} for parameter Namespace is invalid."
    )))
}

type EntityData = Option<Vec<millrace_api::cloudwatch::EntityMetricData>>;

/// All data with the paths that the query protocol has for them.
fn data(plain: Option<Vec<MetricDatum>>, of_entities: EntityData) -> Vec<(String, MetricDatum)> {
    let named = |prefix: String| move |(at, datum)| (format!("{prefix}MetricData.member.{}", at + 1), datum);
    let plain = plain.into_iter().flatten().enumerate().map(named(String::new()));
    let of_entities = of_entities
        .into_iter()
        .flatten()
        .enumerate()
        .flat_map(|(at, entity)| {
            let data = entity.metric_data.into_iter().flatten().enumerate();
            data.map(named(format!("EntityMetricData.member.{}.", at + 1)))
        });
    plain.chain(of_entities).collect()
}

//! The operations: one file each, so that this folder's listing is the supported API.

mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod put_metric_data;

use bytes::Bytes;
use millrace_api::value::Mismatch;
use millrace_api::{Kind, Operation, Shape, Shaped, Value};
use millrace_wire::{ApiError, Caller, Codec, Reply, validate};

use super::error::CloudwatchError;
use super::service::Cloudwatch;

/// Runs the operation of that name.
pub(super) async fn dispatch(
    cloudwatch: &Cloudwatch,
    caller: &Caller,
    op: &'static Operation,
    codec: Codec,
    body: &Bytes,
) -> Result<Reply, CloudwatchError> {
    match op.name {
        "GetMetricData" => {
            let input = input(codec, body, CloudwatchError::Validation)?;
            Ok(codec.reply(get_metric_data::call(cloudwatch, caller, input)?))
        }
        "GetMetricStatistics" => {
            let input = input(codec, body, CloudwatchError::Missing)?;
            Ok(codec.reply(get_metric_statistics::call(cloudwatch, caller, input)?))
        }
        "ListMetrics" => {
            let input = input(codec, body, CloudwatchError::Missing)?;
            Ok(codec.reply(list_metrics::call(cloudwatch, caller, &input)?))
        }
        "PutMetricData" => {
            let input = input(codec, body, CloudwatchError::Missing)?;
            put_metric_data::call(cloudwatch, caller, input).await?;
            Ok(Reply::Body(Bytes::new()))
        }
        other => Err(CloudwatchError::NotBuilt(other)),
    }
}

/// Decodes a request. What is missing is said in this service's own words, before the constraints are looked at.
fn input<I: Shaped>(
    codec: Codec,
    body: &Bytes,
    missing: fn(String) -> CloudwatchError,
) -> Result<I, CloudwatchError> {
    let value = codec.decode(I::SHAPE, body)?;
    if let Some(path) = first_missing(I::SHAPE, &value) {
        return Err(missing(format!("The parameter {path} is required.")));
    }
    validate(I::SHAPE, &value)?;
    Ok(I::from_value(value).map_err(|Mismatch| ApiError::internal(Mismatch.to_string()))?)
}

/// The path of the first required member that is not there, as the query protocol writes it.
fn first_missing(shape: &Shape, value: &Value) -> Option<String> {
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Struct(fields)) => {
            members
                .iter()
                .zip(&fields.0)
                .find_map(|(member, slot)| match slot {
                    None => member.required.then(|| member.name.to_owned()),
                    Some(value) => {
                        first_missing(member.shape, value).map(|path| format!("{}.{path}", member.name))
                    }
                })
        }
        (Kind::List { element, .. }, Value::List(items)) => {
            items.iter().enumerate().find_map(|(at, item)| {
                let path = first_missing(element, item)?;
                Some(format!("member.{}.{path}", at + 1))
            })
        }
        _ => None,
    }
}

//! The operations: one file each, so that this folder's listing is the supported API.

mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod put_metric_data;

use bytes::Bytes;
use millrace_api::value::Mismatch;
use millrace_api::{Kind, Operation, Shape, Typed, Value};
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
            let input = input(op, codec, body, CloudwatchError::Validation)?;
            output(op, codec, get_metric_data::call(cloudwatch, caller, input)?)
        }
        "GetMetricStatistics" => {
            let input = input(op, codec, body, CloudwatchError::Missing)?;
            output(op, codec, get_metric_statistics::call(cloudwatch, caller, input)?)
        }
        "ListMetrics" => {
            let input = input(op, codec, body, CloudwatchError::Missing)?;
            output(op, codec, list_metrics::call(cloudwatch, caller, &input)?)
        }
        "PutMetricData" => {
            let input = input(op, codec, body, CloudwatchError::Missing)?;
            put_metric_data::call(cloudwatch, caller, input).await?;
            Ok(Reply::Body(Bytes::new()))
        }
        other => Err(CloudwatchError::NotBuilt(other)),
    }
}

/// Decodes a request. What is missing is said in this service's own words, before the constraints are looked at.
fn input<I: Typed>(
    op: &Operation,
    codec: Codec,
    body: &Bytes,
    missing: fn(String) -> CloudwatchError,
) -> Result<I, CloudwatchError> {
    let shape = op.input.ok_or_else(mismatch)?;
    let value = codec.decode(shape, body)?;
    if let Some(path) = first_missing(shape, &value) {
        return Err(missing(format!("The parameter {path} is required.")));
    }
    validate(shape, &value)?;
    Ok(I::from_value(value).map_err(|Mismatch| mismatch())?)
}

fn output<O: Typed>(op: &Operation, codec: Codec, output: O) -> Result<Reply, CloudwatchError> {
    let shape = op.output.ok_or_else(mismatch)?;
    Ok(Reply::Body(codec.encode(shape, &output.into_value()).into()))
}

fn mismatch() -> ApiError {
    ApiError::internal(Mismatch.to_string())
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

//! From a datum of the API to what is stored, held against the API's rules (API PutMetricData, MetricDatum).

use std::fmt::Display;

use millrace_api::cloudwatch::{Dimension, MetricDatum, StandardUnit, StatisticSet as ApiSet};
use millrace_base::Timestamp;

use super::error::CloudwatchError;
use super::limits::{AHEAD_MAX, COUNT_MAX, PAST_MAX, VALUE_MAX, VALUES_MAX};
use super::state::{Measured, MetricId, Sample, StatisticSet, Unit};

type Checked<T> = Result<T, CloudwatchError>;

/// What a datum holds, in one sample for each kind of measurement; none where all counts are zero. `path` is how the
/// query protocol calls the datum.
pub(super) fn samples(
    namespace: &str,
    path: &str,
    datum: MetricDatum,
    now: Timestamp,
) -> Checked<Vec<Sample>> {
    let measured = measured(path, &datum)?;
    let second = second(path, &datum, now)?;
    let fine = match datum.storage_resolution {
        None | Some(60) => false,
        Some(1) => true,
        Some(other) => return Err(invalid(other, &format!("{path}.StorageResolution"))),
    };
    let name = datum.metric_name;
    is_text(&name, &format!("{path}.MetricName"))?;
    let id = MetricId::new(
        namespace.to_owned(),
        name,
        dimensions(path, datum.dimensions.unwrap_or_default())?,
    );
    let unit = datum.unit.map_or(Unit::NONE, Unit::of);
    let samples = measured.into_iter().map(|measured| Sample {
        id: id.clone(),
        unit,
        second,
        fine,
        measured,
    });
    Ok(samples.collect())
}

/// Names and values of dimensions; no name stands twice.
pub(super) fn dimensions(path: &str, dimensions: Vec<Dimension>) -> Checked<Vec<(String, String)>> {
    let mut known: Vec<(String, String)> = Vec::with_capacity(dimensions.len());
    for (at, Dimension { name, value }) in dimensions.into_iter().enumerate() {
        let path = format!("{path}.Dimensions.member.{}", at + 1);
        is_text(&name, &format!("{path}.Name"))?;
        is_text(&value, &format!("{path}.Value"))?;
        if known.iter().any(|(other, _)| *other == name) {
            return Err(CloudwatchError::InvalidValue(format!(
                "The parameter {path}.Name is invalid: the dimension {name} is given twice."
            )));
        }
        known.push((name, value));
    }
    Ok(known)
}

/// ASCII, with at least one character that is no space, not beginning with a colon (API Dimension).
fn is_text(text: &str, parameter: &str) -> Checked<()> {
    let plain = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if plain && !text.trim().is_empty() && !text.starts_with(':') {
        return Ok(());
    }
    Err(CloudwatchError::InvalidValue(format!(
        "The parameter {parameter} is invalid: it must be of ASCII characters, at least one of which is no space, and \
         must not begin with a colon."
    )))
}

fn second(path: &str, datum: &MetricDatum, now: Timestamp) -> Checked<u64> {
    let Some(time) = datum.timestamp else {
        return Ok(now.seconds());
    };
    let wrong = |text: &str| {
        CloudwatchError::InvalidValue(format!(
            "The parameter {path}.Timestamp must specify a time {text}"
        ))
    };
    // Before 1970 is before two weeks ago.
    let time = Timestamp(u64::try_from(time.0).unwrap_or_default());
    if time < now.minus(PAST_MAX) {
        return Err(wrong("within the past two weeks."));
    }
    if time > now.plus(AHEAD_MAX) {
        return Err(wrong("no more than two hours in the future."));
    }
    Ok(time.seconds())
}

fn measured(path: &str, datum: &MetricDatum) -> Checked<Vec<Measured>> {
    let (value, values, set) = (
        datum.value,
        datum.values.as_ref(),
        datum.statistic_values.as_ref(),
    );
    let exclusive = |other: &str| {
        CloudwatchError::InvalidCombination(format!(
            "The parameters {path}.Value and {path}.{other} are mutually exclusive and you have specified both."
        ))
    };
    if let Some(value) = value {
        if values.is_some_and(|values| !values.is_empty()) {
            return Err(exclusive("Values"));
        }
        if set.is_some() {
            return Err(exclusive("StatisticValues"));
        }
        number(value, &format!("{path}.Value"))?;
        return Ok(vec![Measured::Values(vec![(value, 1.0)])]);
    }
    let mut measured = Vec::new();
    // CloudWatch takes both together.
    if let Some(set) = set {
        measured.extend(statistic_set(&format!("{path}.StatisticValues"), set)?);
    }
    if let Some(values) = values.filter(|values| !values.is_empty()) {
        measured.extend(counted(
            path,
            values,
            datum.counts.as_deref().unwrap_or_default(),
        )?);
    } else if set.is_none() {
        return Err(CloudwatchError::Missing(format!(
            "At least one of the parameters {path}.Value, {path}.Values and {path}.StatisticValues must be specified."
        )));
    }
    Ok(measured)
}

fn counted(path: &str, values: &[f64], counts: &[f64]) -> Checked<Option<Measured>> {
    if values.len() > VALUES_MAX {
        return Err(CloudwatchError::InvalidValue(format!(
            "The collection {path}.Values must not have a size greater than {VALUES_MAX}."
        )));
    }
    if !counts.is_empty() && counts.len() != values.len() {
        return Err(CloudwatchError::InvalidValue(format!(
            "The parameters {path}.Values and {path}.Counts must be of the same size."
        )));
    }
    let mut pairs = Vec::with_capacity(values.len());
    let counts = counts.iter().copied().chain(std::iter::repeat(1.0));
    for (at, (value, count)) in values.iter().zip(counts).enumerate() {
        number(*value, &format!("{path}.Values.member.{}", at + 1))?;
        quantity(count, &format!("{path}.Counts.member.{}", at + 1))?;
        if count > 0.0 {
            pairs.push((*value, count));
        }
    }
    Ok((!pairs.is_empty()).then_some(Measured::Values(pairs)))
}

fn statistic_set(path: &str, set: &ApiSet) -> Checked<Option<Measured>> {
    quantity(set.sample_count, &format!("{path}.SampleCount"))?;
    number(set.sum, &format!("{path}.Sum"))?;
    number(set.minimum, &format!("{path}.Minimum"))?;
    number(set.maximum, &format!("{path}.Maximum"))?;
    if set.maximum < set.minimum {
        return Err(CloudwatchError::InvalidValue(format!(
            "The parameter {path}.Maximum must be greater than {path}.Minimum."
        )));
    }
    let set = StatisticSet {
        count: set.sample_count,
        sum: set.sum,
        min: set.minimum,
        max: set.maximum,
    };
    Ok((set.count > 0.0).then_some(Measured::Set(set)))
}

/// A value within the API's range; NaN and the infinities are in none.
fn number(value: f64, parameter: &str) -> Checked<()> {
    if value.abs() <= VALUE_MAX {
        return Ok(());
    }
    Err(if value.is_nan() {
        invalid("NaN", parameter)
    } else if value.is_infinite() {
        invalid(if value > 0.0 { "Infinity" } else { "-Infinity" }, parameter)
    } else {
        invalid(format_args!("{value:e}"), parameter)
    })
}

fn quantity(count: f64, parameter: &str) -> Checked<()> {
    if (0.0..=COUNT_MAX).contains(&count) {
        return Ok(());
    }
    Err(invalid(count, parameter))
}

fn invalid(value: impl Display, parameter: &str) -> CloudwatchError {
    CloudwatchError::InvalidValue(format!("The value {value} for parameter {parameter} is invalid."))
}

/// The unit of a query, if it names one.
pub(super) fn unit(unit: Option<StandardUnit>) -> Option<Unit> {
    unit.map(Unit::of)
}

//! GetMetricStatistics

use millrace_api::cloudwatch::{
    Datapoint, GetMetricStatisticsInput, GetMetricStatisticsOutput, Statistic as Named,
};
use millrace_api::value::{Entries, EpochMillis};
use millrace_wire::Caller;

use crate::cloudwatch::datum;
use crate::cloudwatch::error::CloudwatchError;
use crate::cloudwatch::limits::STATISTICS_DATAPOINTS_MAX;
use crate::cloudwatch::query::{Bucket, Statistic, Window, buckets, is_period};
use crate::cloudwatch::service::Cloudwatch;
use crate::cloudwatch::state::{MetricId, Tenant, Unit};

/// Statistics of one metric by period, ascending; one datapoint for each unit that its data came in.
pub(super) fn call(
    cloudwatch: &Cloudwatch,
    caller: &Caller,
    input: GetMetricStatisticsInput,
) -> Result<GetMetricStatisticsOutput, CloudwatchError> {
    let extended = statistics(&input)?;
    let window = window(&input)?.with_data(cloudwatch.0.clock.now());
    let dimensions = datum::dimensions("Metric", input.dimensions.unwrap_or_default())?;
    let id = MetricId::new(input.namespace, input.metric_name.clone(), dimensions);
    let tenant = Tenant {
        account: caller.account.clone(),
        region: caller.region.clone(),
    };
    let metric = cloudwatch.0.journal.state().store.metric(&tenant, &id);
    let wanted = datum::unit(input.unit);
    let named = input.statistics.unwrap_or_default();
    let mut datapoints = Vec::new();
    for series in metric.iter().flat_map(|metric| &metric.series) {
        if wanted.is_none_or(|wanted| wanted == series.unit) {
            let found = buckets(series, window);
            datapoints.extend(
                found
                    .iter()
                    .filter_map(|bucket| datapoint(bucket, series.unit, &named, &extended)),
            );
        }
    }
    datapoints.sort_by_key(|datapoint| datapoint.timestamp);
    Ok(GetMetricStatisticsOutput {
        label: Some(input.metric_name),
        datapoints: Some(datapoints),
    })
}

/// The extended statistics that are asked for, by their names.
fn statistics(input: &GetMetricStatisticsInput) -> Result<Vec<(String, Statistic)>, CloudwatchError> {
    let names = input.extended_statistics.as_deref().unwrap_or_default();
    let plain = input.statistics.as_ref().is_some_and(|plain| !plain.is_empty());
    match (plain, names.is_empty()) {
        (true, false) => Err(CloudwatchError::InvalidCombination(
            "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have specified both."
                .to_owned(),
        )),
        (false, true) => Err(CloudwatchError::InvalidCombination(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified.".to_owned(),
        )),
        _ => names
            .iter()
            .map(|name| {
                let statistic = Statistic::parse_extended(name).ok_or_else(|| {
                    CloudwatchError::InvalidValue(format!(
                        "The value {name} for parameter ExtendedStatistics is not supported."
                    ))
                })?;
                Ok((name.clone(), statistic))
            })
            .collect(),
    }
}

fn window(input: &GetMetricStatisticsInput) -> Result<Window, CloudwatchError> {
    if !is_period(input.period) {
        return Err(CloudwatchError::InvalidValue(
            "The parameter Period must be a value in the set [1, 5, 10, 20, 30] or a multiple of 60."
                .to_owned(),
        ));
    }
    if input.start_time >= input.end_time {
        return Err(CloudwatchError::InvalidValue(
            "The parameter StartTime must be less than the parameter EndTime.".to_owned(),
        ));
    }
    let window = Window::new(input.start_time.0, input.end_time.0, input.period);
    let asked = input.end_time.0.abs_diff(input.start_time.0) / 1000 / window.period;
    if asked > STATISTICS_DATAPOINTS_MAX {
        return Err(CloudwatchError::InvalidCombination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce the datapoints \
             requested by increasing Period, or decreasing the time range.",
            grouped(asked),
            grouped(STATISTICS_DATAPOINTS_MAX)
        )));
    }
    Ok(window)
}

/// `1,440`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `None` where nothing that was asked for can be told.
fn datapoint(
    bucket: &Bucket<'_>,
    unit: Unit,
    named: &[Named],
    extended: &[(String, Statistic)],
) -> Option<Datapoint> {
    let of =
        |name: Named, statistic: Statistic| named.contains(&name).then(|| statistic.of(bucket)).flatten();
    let told: Vec<(String, f64)> = extended
        .iter()
        .filter_map(|(name, statistic)| Some((name.clone(), statistic.of(bucket)?)))
        .collect();
    if named.is_empty() && told.is_empty() {
        return None;
    }
    Some(Datapoint {
        timestamp: Some(EpochMillis(i64::try_from(bucket.start).ok()?.checked_mul(1000)?)),
        sample_count: of(Named::SampleCount, Statistic::SampleCount),
        average: of(Named::Average, Statistic::Average),
        sum: of(Named::Sum, Statistic::Sum),
        minimum: of(Named::Minimum, Statistic::Minimum),
        maximum: of(Named::Maximum, Statistic::Maximum),
        unit: Some(unit.standard()),
        extended_statistics: (!extended.is_empty()).then_some(Entries(told)),
    })
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_grouped() {
        let texts = [7, 999, 1440, 16_666, 1_234_567].map(grouped);
        assert_eq!(texts, ["7", "999", "1,440", "16,666", "1,234,567"]);
    }
}

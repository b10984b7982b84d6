//! ListMetrics

use base64_simd::URL_SAFE_NO_PAD;
use millrace_api::Shaped;
use millrace_api::cloudwatch::{Dimension, DimensionFilter, ListMetricsInput, ListMetricsOutput, Metric};
use millrace_wire::Caller;

use crate::cloudwatch::error::CloudwatchError;
use crate::cloudwatch::limits::{MINUTES_KEPT, PAGE_METRICS_MAX, RECENTLY_ACTIVE};
use crate::cloudwatch::query::digest;
use crate::cloudwatch::service::Cloudwatch;
use crate::cloudwatch::state::{self, MetricId, Tenant};

/// The metrics that have data, by name, 500 a page.
pub(super) fn call(
    cloudwatch: &Cloudwatch,
    caller: &Caller,
    input: &ListMetricsInput,
) -> Result<ListMetricsOutput, CloudwatchError> {
    let foreign = input
        .owning_account
        .as_ref()
        .is_some_and(|account| *account != caller.account);
    if foreign {
        return Err(CloudwatchError::InvalidValue(
            "The parameter OwningAccount is invalid: Millrace has no linked accounts, name your own or none."
                .to_owned(),
        ));
    }
    let of = ListMetricsInput {
        next_token: None,
        ..input.clone()
    };
    let digest = digest(&of);
    let after = match &input.next_token {
        Some(token) => Some(read_token(token, digest)?),
        None => None,
    };
    let tenant = Tenant {
        account: caller.account.clone(),
        region: caller.region.clone(),
    };
    let now = cloudwatch.0.clock.now().seconds();
    let state = cloudwatch.0.journal.state();
    let mut matching = state
        .store
        .metrics(&tenant, after.as_ref())
        .filter(|(id, metric)| matches(input, id, metric, now))
        .map(|(id, _)| id);
    let page: Vec<_> = matching.by_ref().take(PAGE_METRICS_MAX).cloned().collect();
    let more = matching.next().is_some();
    drop(matching);
    drop(state);
    let next_token = page.last().filter(|_| more).map(|last| token(last, digest));
    let owning_accounts =
        (input.include_linked_accounts == Some(true)).then(|| vec![caller.account.clone(); page.len()]);
    Ok(ListMetricsOutput {
        metrics: Some(page.iter().map(|id| described(id)).collect()),
        next_token,
        owning_accounts,
    })
}

fn matches(input: &ListMetricsInput, id: &MetricId, metric: &state::Metric, now: u64) -> bool {
    let is = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let has = |filter: &DimensionFilter| {
        let mut dimensions = id.dimensions.iter();
        dimensions.any(|(name, value)| *name == filter.name && is(&filter.value, value))
    };
    let horizon = now.saturating_sub(MINUTES_KEPT.as_secs());
    let recent = now.saturating_sub(RECENTLY_ACTIVE.as_secs());
    let has_data = || {
        metric
            .series
            .iter()
            .any(|s| s.minutes.last().is_some_and(|last| last >= horizon))
    };
    is(&input.namespace, &id.namespace)
        && is(&input.metric_name, &id.name)
        && input.dimensions.iter().flatten().all(has)
        && (input.recently_active.is_none() || metric.published >= recent)
        && has_data()
}

fn described(id: &MetricId) -> Metric {
    let dimension = |(name, value): &(String, String)| Dimension {
        name: name.clone(),
        value: value.clone(),
    };
    Metric {
        namespace: Some(id.namespace.clone()),
        metric_name: Some(id.name.clone()),
        dimensions: Some(id.dimensions.iter().map(dimension).collect()),
    }
}

/// `base64url(digest of the filters u32 | the last metric as JSON)`: it says nothing that its owner does not know.
fn token(last: &MetricId, digest: u32) -> String {
    let last = millrace_wire::json::encode(Metric::SHAPE, &millrace_api::Typed::into_value(described(last)));
    URL_SAFE_NO_PAD.encode_to_string([digest.to_be_bytes().as_slice(), &last].concat())
}

fn read_token(token: &str, digest: u32) -> Result<MetricId, CloudwatchError> {
    let invalid = || {
        CloudwatchError::InvalidValue(
            "The parameter NextToken is invalid: it belongs to another request. Start listing again without it."
                .to_owned(),
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(token).map_err(|_| invalid())?;
    let (of, last) = bytes.split_first_chunk::<4>().ok_or_else(invalid)?;
    if u32::from_be_bytes(*of) != digest {
        return Err(invalid());
    }
    let value = millrace_wire::json::decode(Metric::SHAPE, last).map_err(|_| invalid())?;
    let metric: Metric = millrace_api::Typed::from_value(value).map_err(|_| invalid())?;
    let dimensions = metric.dimensions.unwrap_or_default();
    Ok(MetricId::new(
        metric.namespace.ok_or_else(invalid)?,
        metric.metric_name.ok_or_else(invalid)?,
        dimensions.into_iter().map(|d| (d.name, d.value)).collect(),
    ))
}

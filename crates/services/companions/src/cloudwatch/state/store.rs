//! All metrics, and their bounds.
//!
//! The number of metrics and the bytes of everything are bounded, per account and in all. At a bound a *new* metric is
//! refused. Those that are known go on: their oldest datapoints make room, so that a full store keeps less than a day
//! but never stands still. All of it follows from the log alone – also the time that things expire by is that of the
//! records – so that every node and every restart comes to the same store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::series::minutes_horizon;
use super::{Measured, MetricId, Series, Tenant, Unit};
use crate::cloudwatch::limits::{
    ACCOUNT_BYTES_MAX, ACCOUNT_METRICS_MAX, BYTES_MAX, METRIC_BYTES, METRICS_MAX,
};

/// One datum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) id: MetricId,
    pub(crate) unit: Unit,
    /// When it was measured, in seconds since the epoch.
    pub(crate) second: u64,
    /// Kept by the second too.
    pub(crate) fine: bool,
    pub(crate) measured: Measured,
}

/// Data of one account and region that are taken in together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Update {
    pub(crate) tenant: Tenant,
    pub(crate) samples: Vec<Sample>,
}

/// A metric's data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    /// By unit.
    pub(crate) series: Vec<Series>,
    /// When data came last, in seconds since the epoch.
    pub(crate) published: u64,
}

/// Why a new metric is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The account has as many metrics as it may have.
    AccountMetrics,
    /// The account's data take as much memory as they may.
    AccountBytes,
    /// All accounts together have as many metrics as there may be.
    Metrics,
    /// The data of all accounts take as much memory as they may.
    Bytes,
}

/// The bounds; smaller ones in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) account_metrics: usize,
    pub(crate) account_bytes: usize,
    pub(crate) metrics: usize,
    pub(crate) bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            account_metrics: ACCOUNT_METRICS_MAX,
            account_bytes: ACCOUNT_BYTES_MAX,
            metrics: METRICS_MAX,
            bytes: BYTES_MAX,
        }
    }
}

/// The metrics of an account in a region.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    by_id: BTreeMap<Arc<MetricId>, Arc<Metric>>,
    bytes: usize,
}

/// All metrics. A clone shares the data until one of the two changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Store {
    tenants: BTreeMap<Tenant, Metrics>,
    metrics: usize,
    bytes: usize,
    /// The time of the last record, in seconds since the epoch; it never goes back.
    now: u64,
    bounds: Bounds,
}

impl Store {
    #[cfg(test)]
    pub(crate) fn bounded(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }

    /// The time up to which it is.
    pub(crate) const fn now(&self) -> u64 {
        self.now
    }

    /// Metrics, and bytes of everything.
    pub(crate) const fn size(&self) -> (usize, usize) {
        (self.metrics, self.bytes)
    }

    /// Moves the time on, and forgets what is too old then.
    pub(crate) fn advance(&mut self, now: u64) {
        let turned = now / 60 > self.now / 60;
        self.now = self.now.max(now);
        if turned {
            let now = self.now;
            self.sweep(|series| series.is_overdue(now), |series| series.expire(now));
        }
    }

    /// Whether the update's new metrics, if it has any, find room.
    pub(crate) fn admits(&self, update: &Update) -> Result<(), Full> {
        let known = self.tenants.get(&update.tenant);
        let horizon = minutes_horizon(self.now);
        let new: BTreeSet<&MetricId> = update
            .samples
            .iter()
            .filter(|sample| sample.second >= horizon)
            .map(|sample| &sample.id)
            .filter(|id| known.is_none_or(|known| !known.by_id.contains_key(*id)))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let (metrics, bytes) = known.map_or((0, 0), |known| (known.by_id.len(), known.bytes));
        let bounds = self.bounds;
        match () {
            () if metrics + new.len() > bounds.account_metrics => Err(Full::AccountMetrics),
            () if bytes >= bounds.account_bytes => Err(Full::AccountBytes),
            () if self.metrics + new.len() > bounds.metrics => Err(Full::Metrics),
            () if self.bytes >= bounds.bytes => Err(Full::Bytes),
            () => Ok(()),
        }
    }

    /// Takes an update in at `now`, as a whole or not at all.
    pub(crate) fn apply(&mut self, now: u64, update: &Update) -> Result<(), Full> {
        self.advance(now);
        self.admits(update)?;
        for sample in &update.samples {
            self.add(&update.tenant, sample);
        }
        self.make_room();
        Ok(())
    }

    fn add(&mut self, tenant: &Tenant, sample: &Sample) {
        if sample.second < minutes_horizon(self.now) {
            return;
        }
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.clone(), Metrics::default());
        }
        let Some(metrics) = self.tenants.get_mut(tenant) else {
            return;
        };
        if !metrics.by_id.contains_key(&sample.id) {
            let bytes = METRIC_BYTES + sample.id.bytes();
            let metric = Metric {
                series: Vec::new(),
                published: self.now,
            };
            metrics
                .by_id
                .insert(Arc::new(sample.id.clone()), Arc::new(metric));
            metrics.bytes += bytes;
            self.metrics += 1;
            self.bytes += bytes;
        }
        let Some(metric) = metrics.by_id.get_mut(&sample.id) else {
            return;
        };
        let metric = Arc::make_mut(metric);
        metric.published = self.now;
        let at = match metric
            .series
            .binary_search_by_key(&sample.unit, |series| series.unit)
        {
            Ok(at) => at,
            Err(at) => {
                metric.series.insert(at, Series::new(sample.unit));
                at
            }
        };
        if let Some(series) = metric.series.get_mut(at) {
            let (grown, shrunk) = series.add(self.now, sample.second, sample.fine, &sample.measured);
            metrics.bytes = (metrics.bytes + grown).saturating_sub(shrunk);
            self.bytes = (self.bytes + grown).saturating_sub(shrunk);
        }
    }

    /// Puts a whole metric back, as a checkpoint has it. Yields whether there was none of that name.
    pub(crate) fn restore(&mut self, tenant: &Tenant, id: MetricId, metric: Metric) -> bool {
        let points = metric
            .series
            .iter()
            .flat_map(|s| s.minutes.iter().chain(s.seconds.iter()));
        let bytes = METRIC_BYTES + id.bytes() + points.map(|(_, point)| point.bytes()).sum::<usize>();
        let metrics = self.tenants.entry(tenant.clone()).or_default();
        let fresh = metrics.by_id.insert(Arc::new(id), Arc::new(metric)).is_none();
        if fresh {
            metrics.bytes += bytes;
            self.metrics += 1;
            self.bytes += bytes;
        }
        fresh
    }

    /// Sets the time of an empty store.
    pub(crate) const fn begin_at(&mut self, now: u64) {
        self.now = now;
    }

    /// The metrics of an account in a region, by name; those after `after` if that is given.
    pub(crate) fn metrics<'a>(
        &'a self,
        tenant: &Tenant,
        after: Option<&MetricId>,
    ) -> impl Iterator<Item = (&'a Arc<MetricId>, &'a Arc<Metric>)> + use<'a> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, |after| Excluded(Arc::new(after.clone())));
        let metrics = self.tenants.get(tenant);
        metrics
            .into_iter()
            .flat_map(move |metrics| metrics.by_id.range::<Arc<MetricId>, _>((from.clone(), Unbounded)))
    }

    /// One metric.
    pub(crate) fn metric(&self, tenant: &Tenant, id: &MetricId) -> Option<Arc<Metric>> {
        self.tenants.get(tenant)?.by_id.get(id).cloned()
    }

    /// Everything, for a checkpoint.
    pub(crate) fn tenants(
        &self,
    ) -> impl Iterator<Item = (&Tenant, impl Iterator<Item = (&MetricId, &Metric)>)> {
        self.tenants.iter().map(|(tenant, metrics)| {
            let metrics = metrics.by_id.iter().map(|(id, metric)| (&**id, &**metric));
            (tenant, metrics)
        })
    }

    /// While there is too much, the oldest datapoints go: of the account that has too much, else of the largest.
    fn make_room(&mut self) {
        while let Some(tenant) = self.overfull() {
            let spare = |most: usize| most - most / 16;
            let Some(metrics) = self.tenants.get(&tenant) else {
                return;
            };
            let too_much = metrics.bytes.saturating_sub(spare(self.bounds.account_bytes));
            let too_much = too_much.max(
                self.bytes
                    .saturating_sub(spare(self.bounds.bytes))
                    .min(metrics.bytes / 4),
            );
            let Some(cut) = metrics.cut_for(too_much) else {
                return;
            };
            self.sweep_of(
                &tenant,
                |series| first(series).is_some_and(|first| first < cut),
                |series| series.minutes.cut(cut) + series.seconds.cut(cut),
            );
        }
    }

    fn overfull(&self) -> Option<Tenant> {
        let largest = self.tenants.iter().max_by_key(|(_, metrics)| metrics.bytes);
        let (tenant, metrics) = largest?;
        let over = metrics.bytes > self.bounds.account_bytes || self.bytes > self.bounds.bytes;
        over.then(|| tenant.clone())
    }

    fn sweep(&mut self, concerned: impl Fn(&Series) -> bool, cut: impl Fn(&mut Series) -> usize) {
        let tenants: Vec<Tenant> = self.tenants.keys().cloned().collect();
        for tenant in tenants {
            self.sweep_of(&tenant, &concerned, &cut);
        }
    }

    /// Cuts the series that are concerned, and drops what is empty then.
    fn sweep_of(
        &mut self,
        tenant: &Tenant,
        concerned: impl Fn(&Series) -> bool,
        cut: impl Fn(&mut Series) -> usize,
    ) {
        let Some(metrics) = self.tenants.get_mut(tenant) else {
            return;
        };
        let (before, count) = (metrics.bytes, metrics.by_id.len());
        let mut freed = 0;
        metrics.by_id.retain(|id, metric| {
            if !metric.series.iter().any(&concerned) {
                return true;
            }
            let metric = Arc::make_mut(metric);
            freed += metric.series.iter_mut().map(&cut).sum::<usize>();
            metric.series.retain(|series| !series.is_empty());
            if metric.series.is_empty() {
                freed += METRIC_BYTES + id.bytes();
            }
            !metric.series.is_empty()
        });
        metrics.bytes = before.saturating_sub(freed);
        self.bytes = self.bytes.saturating_sub(freed);
        self.metrics -= count - metrics.by_id.len();
        if metrics.by_id.is_empty() {
            self.tenants.remove(tenant);
        }
    }
}

impl Metrics {
    /// The start of the minute before which there are about `bytes` of datapoints, at least one minute of them.
    fn cut_for(&self, bytes: usize) -> Option<u64> {
        let mut by_minute: BTreeMap<u64, usize> = BTreeMap::new();
        for series in self.by_id.values().flat_map(|metric| &metric.series) {
            for (start, point) in series.minutes.iter().chain(series.seconds.iter()) {
                *by_minute.entry(start / 60).or_default() += point.bytes();
            }
        }
        let mut sum = 0;
        let enough = by_minute.iter().find(|(_, of_minute)| {
            sum += **of_minute;
            sum >= bytes
        });
        let minute = enough
            .or_else(|| by_minute.last_key_value())
            .map(|(minute, _)| *minute);
        Some((minute? + 1) * 60)
    }
}

fn first(series: &Series) -> Option<u64> {
    let (minutes, seconds) = (series.minutes.first(), series.seconds.first());
    minutes.into_iter().chain(seconds).min()
}

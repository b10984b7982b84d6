//! What the services themselves emit, gathered until it is written.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use millrace_api::cloudwatch::StandardUnit;
use millrace_base::{Tasks, Timestamp};
use tokio::sync::Notify;

use super::error::CloudwatchError;
use super::limits::{DATA_MAX, EMISSIONS_LINGER, EMISSIONS_MAX};
use super::service::Cloudwatch;
use super::state::{Measured, MetricId, Sample, StatisticSet, Tenant, Unit, Update};

/// A statistic set of one metric in one minute.
#[derive(Clone, Copy, Debug)]
pub struct Emission<'a> {
    /// Whose metric: twelve digits.
    pub account: &'a str,
    /// Where: such as `us-east-1`.
    pub region: &'a str,
    /// Such as `AWS/Kinesis`.
    pub namespace: &'a str,
    /// Such as `IncomingBytes`.
    pub name: &'a str,
    /// Names and values, at most 30.
    pub dimensions: &'a [(&'a str, &'a str)],
    /// Of the values.
    pub unit: StandardUnit,
    /// Some time within the minute.
    pub at: Timestamp,
    /// The values; none are emitted where the count is zero.
    pub statistics: StatisticSet,
}

/// What is gathered together: a metric in a unit, and the second at which its minute begins.
type Slot = (MetricId, Unit, u64);

#[derive(Debug, Default)]
struct Waiting {
    tenants: BTreeMap<Tenant, HashMap<Slot, StatisticSet>>,
    count: usize,
}

/// Statistic sets that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Emissions {
    waiting: Mutex<Waiting>,
    came: Notify,
}

impl Emissions {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a set; says whether there was room for it.
    pub(super) fn add(&self, emission: &Emission<'_>) -> bool {
        let StatisticSet { count, sum, min, max } = emission.statistics;
        if count <= 0.0 || ![count, sum, min, max].iter().all(|n| n.is_finite()) {
            return true;
        }
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let id = MetricId::new(
            emission.namespace.to_owned(),
            emission.name.to_owned(),
            emission.dimensions.iter().map(owned).collect(),
        );
        let tenant = Tenant {
            account: emission.account.to_owned(),
            region: emission.region.to_owned(),
        };
        let second = emission.at.seconds();
        let slot = (id, Unit::of(emission.unit), second - second % 60);
        let mut waiting = self.lock();
        let full = waiting.count >= EMISSIONS_MAX;
        let known = waiting
            .tenants
            .get(&tenant)
            .is_some_and(|slots| slots.contains_key(&slot));
        if full && !known {
            return false;
        }
        let slots = waiting.tenants.entry(tenant).or_default();
        slots
            .entry(slot)
            .and_modify(|set| set.merge(emission.statistics))
            .or_insert(emission.statistics);
        if !known {
            waiting.count += 1;
        }
        drop(waiting);
        self.came.notify_one();
        true
    }

    /// Takes everything out, as updates of bounded size.
    fn take(&self) -> Vec<Update> {
        let Waiting { tenants, .. } = std::mem::take(&mut *self.lock());
        let mut updates = Vec::new();
        for (tenant, slots) in tenants {
            let mut samples: Vec<Sample> = slots
                .into_iter()
                .map(|((id, unit, second), set)| Sample {
                    id,
                    unit,
                    second,
                    fine: false,
                    measured: Measured::Set(set),
                })
                .collect();
            while !samples.is_empty() {
                let rest = samples.split_off(samples.len().min(DATA_MAX));
                updates.push(Update {
                    tenant: tenant.clone(),
                    samples: std::mem::replace(&mut samples, rest),
                });
            }
        }
        updates
    }
}

/// Writes what was gathered, again and again; once more when the tasks are told to stop.
pub(super) async fn run(cloudwatch: Cloudwatch, tasks: Tasks) {
    let linger = || cloudwatch.0.clock.sleep(EMISSIONS_LINGER);
    loop {
        tokio::select! {
            () = cloudwatch.0.emissions.came.notified() => {}
            () = tasks.stopping() => break,
        }
        tokio::select! {
            () = linger() => flush(&cloudwatch).await,
            () = tasks.stopping() => break,
        }
    }
    for update in cloudwatch.0.emissions.take() {
        // There is nobody to tell; a set that is lost here is as one that was emitted a moment later.
        if cloudwatch.0.journal.write(&update).await.is_err() {
            break;
        }
    }
    cloudwatch.0.journal.end();
}

/// Writes what was gathered.
pub(super) async fn flush(cloudwatch: &Cloudwatch) {
    for mut update in cloudwatch.0.emissions.take() {
        let mut result = cloudwatch.0.journal.put(&update).await;
        if matches!(result, Err(CloudwatchError::Full(_))) {
            // New metrics find no room; the known ones go on.
            let before = update.samples.len();
            retain_known(cloudwatch, &mut update);
            let dropped = before - update.samples.len();
            cloudwatch.0.metrics.dropped.add(dropped as u64);
            result = if update.samples.is_empty() {
                Ok(())
            } else {
                cloudwatch.0.journal.put(&update).await
            };
        }
        if let Err(error) = result {
            cloudwatch.0.metrics.dropped.add(update.samples.len() as u64);
            tracing::warn!(%error, samples = update.samples.len(), "metrics of the services were lost");
        }
    }
}

fn retain_known(cloudwatch: &Cloudwatch, update: &mut Update) {
    let state = cloudwatch.0.journal.state();
    let tenant = &update.tenant;
    update
        .samples
        .retain(|sample| state.store.metric(tenant, &sample.id).is_some());
}

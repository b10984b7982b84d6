//! CloudWatch: builds the service, and moves into it what the other services count.

use std::sync::Arc;
use std::time::Duration;

use millrace_base::{Clock, Tasks, Timestamp};
use millrace_blob::Blobs;
use millrace_companions::cloudwatch::{Cloudwatch, Deps, Emission, OpenError, Settings, StatisticSet};
use millrace_log::Log;
use millrace_streams::Streams;

/// Where Data Streams' own metrics are (developer guide, "Monitoring … with Amazon CloudWatch").
const STREAMS_NAMESPACE: &str = "AWS/Kinesis";

/// Opens the service.
pub(crate) async fn open(
    log: Arc<dyn Log>,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
) -> Result<Cloudwatch, OpenError> {
    Cloudwatch::open(Deps {
        log,
        blobs,
        clock,
        tasks,
        settings: Settings::default(),
    })
    .await
}

/// Moves metrics of the services into CloudWatch.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    streams: Streams,
    cloudwatch: Cloudwatch,
    clock: Arc<dyn Clock>,
}

impl Sampler {
    /// Moves them at every full `every` of the clock, so that a minute's metrics are those of that minute.
    pub(crate) fn start(
        streams: &Streams,
        cloudwatch: &Cloudwatch,
        clock: &Arc<dyn Clock>,
        (every, tasks): (Duration, &Tasks),
    ) -> Self {
        let sampler = Self {
            streams: streams.clone(),
            cloudwatch: cloudwatch.clone(),
            clock: Arc::clone(clock),
        };
        let running = sampler.clone();
        tasks.spawn_until_stop(async move {
            loop {
                let wait = until_next(running.clock.now(), every);
                running.clock.sleep(wait).await;
                // What is found just behind a minute's end belongs into that minute.
                running.sample(running.clock.now().minus(every / 2));
            }
        });
        sampler
    }

    /// Moves what was counted since the last time, before the services stop.
    pub(crate) fn last(&self) {
        self.sample(self.clock.now());
    }

    fn sample(&self, at: Timestamp) {
        self.streams.drain_metrics(&mut |sample| {
            let statistics = sample.statistics;
            self.cloudwatch.emit(&Emission {
                account: sample.account,
                region: sample.region,
                namespace: STREAMS_NAMESPACE,
                name: sample.name,
                dimensions: sample.dimensions,
                unit: sample.unit,
                at,
                statistics: StatisticSet {
                    count: statistics.count,
                    sum: statistics.sum,
                    min: statistics.min,
                    max: statistics.max,
                },
            });
        });
    }
}

/// How long it is to the next full `every`.
fn until_next(now: Timestamp, every: Duration) -> Duration {
    let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(every - now.0 % every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_at_full_minutes() {
        let minute = Duration::from_secs(60);
        let until = |now| until_next(Timestamp(now), minute).as_millis();
        assert_eq!((until(0), until(1), until(59_999)), (60_000, 59_999, 1));
    }
}

//! Metrics of single queues, under the published names (developer guide, "Monitor a queue"). As with the published
//! service, a queue has some from when it is first used.

use std::fmt::Write;

use millrace_base::metrics::Definition;

use super::machine::Levels;
use super::open::Open;
use crate::limits::QUEUE_VISIBLE_REPORTED_MAX;
use crate::service::Streams;
use crate::state::Queue;

/// A metric, and where its value comes from.
struct Metric {
    definition: Definition,
    value: fn(&Seen) -> u64,
}

const METRICS: [Metric; 6] = [
    Metric {
        definition: Definition::counter(
            "millrace_queue_received_records_total",
            "ReceivedQueueRecords: records that were received from the queue, dead letters included.",
        ),
        value: |seen| seen.received,
    },
    Metric {
        definition: Definition::counter(
            "millrace_queue_acknowledged_records_total",
            "AcknowledgedQueueRecords: records that were acknowledged.",
        ),
        value: |seen| seen.acknowledged,
    },
    Metric {
        definition: Definition::counter(
            "millrace_queue_empty_receives_total",
            "EmptyReceives: receive calls that returned no record.",
        ),
        value: |seen| seen.empty,
    },
    Metric {
        definition: Definition::gauge(
            "millrace_queue_visible_records",
            "VisibleQueueRecords: records that could be received, up to a million.",
        ),
        value: |seen| {
            let again = u64::try_from(seen.levels.visible).unwrap_or(u64::MAX);
            seen.backlog.saturating_add(again).min(QUEUE_VISIBLE_REPORTED_MAX)
        },
    },
    Metric {
        definition: Definition::gauge(
            "millrace_queue_in_flight_records",
            "InFlightQueueRecords: records that were received and are not visible again yet.",
        ),
        value: |seen| u64::try_from(seen.levels.in_flight).unwrap_or(u64::MAX),
    },
    Metric {
        definition: Definition::gauge(
            "millrace_queue_visible_dead_letter_records",
            "VisibleDeadLetterQueueRecords: dead-letter records that could be received.",
        ),
        value: |seen| u64::try_from(seen.levels.dead).unwrap_or(u64::MAX),
    },
];

/// A queue at one moment.
struct Seen {
    labels: String,
    received: u64,
    acknowledged: u64,
    empty: u64,
    backlog: u64,
    levels: Levels,
}

impl Open {
    /// Records in the stream that were not handed out yet; those that retention is about to take included.
    pub(super) fn backlog(&self, streams: &Streams, queue: &Queue) -> u64 {
        let Ok(view) = streams.view(&queue.stream) else {
            return 0;
        };
        let tails: Vec<_> = view
            .shards()
            .iter()
            .filter_map(|shard| Some((shard.index, streams.0.log.tail(shard.log_id()).ok()?)))
            .collect();
        self.part.read(|state| {
            let new = tails.iter().filter_map(|(shard, tail)| {
                let cursor = state.cursor(*shard)?;
                Some(tail.end.saturating_sub(cursor.max(tail.start)))
            });
            new.fold(0, u64::saturating_add)
        })
    }

    fn seen(&self, streams: &Streams, queue: &Queue) -> Seen {
        let now = streams.0.clock.now();
        let max_receives = queue.attributes.max_receives();
        Seen {
            // Neither accounts nor regions nor the names of queues hold what a label would have to escape.
            labels: format!(
                "account=\"{}\",region=\"{}\",queue_id=\"{}\",queue_name=\"{}\"",
                self.key.account, self.key.region, self.key.id, queue.name
            ),
            received: self.counts.received.get(),
            acknowledged: self.counts.acknowledged.get(),
            empty: self.counts.empty.get(),
            backlog: self.backlog(streams, queue),
            levels: self.part.read(|state| state.levels(now, max_receives)),
        }
    }
}

impl Streams {
    /// Appends the metrics of this node's queues in Prometheus' text format.
    pub(crate) fn write_queues(&self, out: &mut String) {
        let mut seen: Vec<Seen> = self
            .0
            .queues
            .all()
            .iter()
            .filter_map(|(_, open)| Some(open.seen(self, &self.delivering(&open.key).ok()?)))
            .collect();
        seen.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        if seen.is_empty() {
            return;
        }
        for metric in METRICS {
            metric.definition.head(out);
            for seen in &seen {
                // Writing into a String cannot fail.
                let _ = writeln!(
                    out,
                    "{}{{{}}} {}",
                    metric.definition.name,
                    seen.labels,
                    (metric.value)(seen)
                );
            }
        }
    }
}

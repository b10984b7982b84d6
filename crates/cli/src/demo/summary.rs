//! What came back, as it moves.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use serde_json::json;

use super::feed::Sample;
use super::limits::{LATENCIES_MAX, METRICS_MAX};
use crate::output::{Output, table};

/// How a record was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Asked for.
    GetRecords,
    /// Pushed.
    SubscribeToShard,
}

/// Counts of the tour so far.
pub(super) struct Summary {
    run: String,
    started: Option<Duration>,
    polled: Channel,
    pushed: Channel,
    metrics: BTreeMap<String, Metric>,
    /// Lines of the summary on the terminal, to be replaced by the next.
    on_screen: usize,
}

#[derive(Debug, Default)]
struct Channel {
    records: u64,
    /// From put to here, in microseconds, newest last.
    latencies: VecDeque<u64>,
}

#[derive(Debug, Default)]
struct Metric {
    last: f64,
    unit: String,
    records: u64,
    channel: Channel,
}

impl Summary {
    pub(super) fn new(run: String) -> Self {
        Self {
            run,
            started: None,
            polled: Channel::default(),
            pushed: Channel::default(),
            metrics: BTreeMap::new(),
            on_screen: 0,
        }
    }

    /// Counts a record that was read back at `now`.
    pub(super) fn count(&mut self, sample: &Sample, way: Way, now: Duration) {
        if sample.run != self.run {
            return;
        }
        self.started.get_or_insert(now);
        let latency = u64::try_from(now.as_micros())
            .unwrap_or(u64::MAX)
            .saturating_sub(sample.put_at_us);
        match way {
            Way::GetRecords => self.polled.count(latency),
            Way::SubscribeToShard => {
                self.pushed.count(latency);
                if self.metrics.len() < METRICS_MAX || self.metrics.contains_key(&sample.metric) {
                    let metric = self.metrics.entry(sample.metric.clone()).or_default();
                    metric.last = sample.value;
                    metric.unit.clone_from(&sample.unit);
                    metric.records += 1;
                    metric.channel.count(latency);
                }
            }
        }
    }

    /// Whether all that was written came back both ways.
    pub(super) fn has_all(&self, written: u64) -> bool {
        self.polled.records >= written && self.pushed.records >= written
    }

    /// Shows how it stands; on a terminal over what it showed before.
    pub(super) fn print(&mut self, out: Output, written: u64, now: Duration) -> io::Result<()> {
        if out.json {
            return out.json_line(&self.document(written, "running"));
        }
        if self.metrics.is_empty() {
            return Ok(());
        }
        let lines = self.lines(out, written, now);
        if self.on_screen > 0 {
            out.control(&format!("\x1b[{}A\x1b[J", self.on_screen))?;
        }
        for line in &lines {
            out.line(line)?;
        }
        self.on_screen = if out.terminal { lines.len() } else { 0 };
        Ok(())
    }

    /// Shows how it ended.
    pub(super) fn finish(&mut self, out: Output, written: u64, now: Duration) -> io::Result<()> {
        if out.json {
            return out.json_line(&self.document(written, "done"));
        }
        self.print(out, written, now)?;
        let verdict = if self.has_all(written) {
            "every record came back both ways"
        } else {
            "SOME RECORDS ARE MISSING"
        };
        out.line(format_args!(
            "done: {written} records put, {} read by GetRecords, {} pushed by SubscribeToShard: {verdict}",
            self.polled.records, self.pushed.records
        ))
    }

    fn lines(&self, out: Output, written: u64, now: Duration) -> Vec<String> {
        let seconds = now
            .saturating_sub(self.started.unwrap_or(now))
            .as_secs_f64()
            .max(0.001);
        let rows: Vec<_> = self
            .metrics
            .iter()
            .map(|(name, metric)| {
                let value = format!("{:>10.2} {}", metric.last, metric.unit);
                let rate = format!("{:.1}/s", rate(metric.records, seconds));
                let (p50, p99) = metric.channel.percentiles();
                vec![
                    name.clone(),
                    value,
                    rate,
                    format!("p50 {} p99 {}", millis(p50), millis(p99)),
                ]
            })
            .collect();
        let mut lines = table(&["METRIC", "LAST VALUE", "RECORDS", "PUT TO PUSH"], &rows);
        if let Some(head) = lines.first_mut() {
            *head = out.bold(&*head);
        }
        let (polled, pushed) = (self.polled.percentiles(), self.pushed.percentiles());
        lines.push(format!(
            "{written} put · {} read by GetRecords (p50 {}) · {} pushed by SubscribeToShard (p50 {}, p99 {})",
            self.polled.records,
            millis(polled.0),
            self.pushed.records,
            millis(pushed.0),
            millis(pushed.1)
        ));
        lines.push(String::new());
        lines
    }

    fn document(&self, written: u64, state: &str) -> serde_json::Value {
        let channel = |channel: &Channel| {
            let (p50, p99) = channel.percentiles();
            json!({ "records": channel.records, "p50_us": p50, "p99_us": p99 })
        };
        let metrics: BTreeMap<_, _> = self
            .metrics
            .iter()
            .map(|(name, m)| {
                (
                    name,
                    json!({ "last": m.last, "unit": m.unit, "push": channel(&m.channel) }),
                )
            })
            .collect();
        json!({
            "state": state, "put": written, "complete": self.has_all(written),
            "get_records": channel(&self.polled), "subscribe_to_shard": channel(&self.pushed), "metrics": metrics,
        })
    }
}

impl Channel {
    fn count(&mut self, latency: u64) {
        self.records += 1;
        if self.latencies.len() == LATENCIES_MAX {
            self.latencies.pop_front();
        }
        self.latencies.push_back(latency);
    }

    /// The median and the 99th percentile of the latest, in microseconds.
    fn percentiles(&self) -> (u64, u64) {
        let mut sorted: Vec<_> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(rank).copied().unwrap_or_default()
        };
        (at(50), at(99))
    }
}

fn millis(micros: u64) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

fn rate(records: u64, seconds: f64) -> f64 {
    f64::from(u32::try_from(records).unwrap_or(u32::MAX)) / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(run: &str, put_at_us: u64) -> Sample {
        let text = |text: &str| text.to_owned();
        Sample {
            metric: text("m"),
            value: 1.5,
            unit: text("%"),
            host: text("h"),
            time: text("t"),
            run: text(run),
            put_at_us,
        }
    }

    #[test]
    fn both_ways_are_counted_apart_and_other_runs_not_at_all() {
        let mut summary = Summary::new("this".to_owned());
        summary.count(
            &sample("this", 1000),
            Way::GetRecords,
            Duration::from_micros(3000),
        );
        summary.count(
            &sample("this", 1000),
            Way::SubscribeToShard,
            Duration::from_micros(1500),
        );
        summary.count(&sample("other", 0), Way::SubscribeToShard, Duration::from_secs(1));
        assert!(summary.has_all(1));
        assert!(!summary.has_all(2));
        assert_eq!(summary.polled.percentiles(), (2000, 2000));
        assert_eq!(summary.pushed.percentiles(), (500, 500));
        let lines = summary.lines(
            Output {
                json: false,
                terminal: false,
            },
            1,
            Duration::from_secs(1),
        );
        assert!(
            lines[1].starts_with("m") && lines[1].contains("1.50 %") && lines[1].contains("p50 0.5 ms"),
            "{lines:?}"
        );
    }

    #[test]
    fn latencies_are_bounded() {
        let mut channel = Channel::default();
        for latency in 0..2 * LATENCIES_MAX as u64 {
            channel.count(latency);
        }
        assert_eq!(channel.latencies.len(), LATENCIES_MAX);
        assert_eq!(channel.latencies[0], LATENCIES_MAX as u64);
    }
}

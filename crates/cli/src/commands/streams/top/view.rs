//! From two looks at a stream to rates.

use std::cmp::Reverse;

use millrace_api::millrace::{DescribeStreamLoadOutput, ShardLoad, Traffic};
use serde_json::{Value, json};

/// What a shard may take (developer guide, "Quotas and limits"): one MiB and a thousand records per second.
const SHARD_BYTES_PER_S: f64 = 1_048_576.0;
const SHARD_RECORDS_PER_S: f64 = 1000.0;

/// What happened between two looks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) stream: String,
    pub(super) status: String,
    pub(super) mode: String,
    pub(super) open_shards: i64,
    pub(super) total: Rates,
    /// The busiest first.
    pub(super) shards: Vec<Row>,
}

/// Of one shard or all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) records_in: f64,
    pub(super) bytes_in: f64,
    pub(super) records_out: f64,
    pub(super) bytes_out: f64,
    /// Records that were throttled and reads that were.
    pub(super) throttled: f64,
}

/// One shard.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) shard: String,
    pub(super) closed: bool,
    pub(super) rates: Rates,
    /// The share of what a shard may take; 1 is all of it.
    pub(super) usage: f64,
    /// Keys and their share of the records of the last seconds, hottest first.
    pub(super) hot: Vec<(String, f64)>,
    pub(super) readers: Vec<Reader>,
}

/// Somebody who reads the shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reader {
    pub(super) name: String,
    pub(super) records_behind: i64,
    pub(super) millis_behind: i64,
    /// How long ago it read.
    pub(super) seen_millis_ago: i64,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Load,
    Lag,
    Name,
}

impl Order {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Load => Self::Lag,
            Self::Lag => Self::Name,
            Self::Name => Self::Load,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Lag => "lag",
            Self::Name => "name",
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates need not be exact")]
fn ratio(part: i64, whole: i64) -> f64 {
    if whole <= 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// Keys are anybody's text: what would steer a terminal is shown as a dot.
fn printable(key: &str) -> String {
    key.chars()
        .map(|c| if c.is_control() { '\u{b7}' } else { c })
        .collect()
}

impl Rates {
    fn between(before: Option<&Traffic>, now: &Traffic, millis: i64) -> Self {
        let none = Traffic::default();
        let before = before.unwrap_or(&none);
        let rate = |before: i64, now: i64| ratio(now.saturating_sub(before).max(0), millis) * 1000.0;
        Self {
            records_in: rate(before.records_in, now.records_in),
            bytes_in: rate(before.bytes_in, now.bytes_in),
            records_out: rate(before.records_out, now.records_out),
            bytes_out: rate(before.bytes_out, now.bytes_out),
            throttled: rate(
                before.puts_throttled + before.reads_throttled,
                now.puts_throttled + now.reads_throttled,
            ),
        }
    }

    fn document(self) -> Value {
        json!({
            "records_in_per_second": self.records_in, "bytes_in_per_second": self.bytes_in,
            "records_out_per_second": self.records_out, "bytes_out_per_second": self.bytes_out,
            "throttled_per_second": self.throttled,
        })
    }
}

impl Row {
    fn between(before: Option<&ShardLoad>, now: &ShardLoad, millis: i64) -> Self {
        let rates = Rates::between(before.map(|load| &load.traffic), &now.traffic, millis);
        let hot = now
            .hot_keys
            .iter()
            .map(|hot| (printable(&hot.partition_key), ratio(hot.records, hot.of)));
        let readers = now.readers.iter().map(|reader| Reader {
            name: reader.name.clone(),
            records_behind: reader.records_behind,
            millis_behind: reader.millis_behind,
            seen_millis_ago: reader.seen_millis_ago,
        });
        Self {
            shard: now.shard_id.clone(),
            closed: now.closed == Some(true),
            usage: (rates.bytes_in / SHARD_BYTES_PER_S).max(rates.records_in / SHARD_RECORDS_PER_S),
            rates,
            hot: hot.collect(),
            readers: readers.collect(),
        }
    }

    /// The reader that is furthest behind.
    pub(super) fn last_reader(&self) -> Option<&Reader> {
        self.readers
            .iter()
            .max_by_key(|reader| (reader.millis_behind, reader.records_behind))
    }

    fn document(&self) -> Value {
        let hot: Vec<Value> = self
            .hot
            .iter()
            .map(|(key, share)| json!({"key": key, "share": share}))
            .collect();
        let readers = self.readers.iter().map(|reader| {
            json!({
                "name": reader.name, "records_behind": reader.records_behind,
                "millis_behind": reader.millis_behind, "seen_millis_ago": reader.seen_millis_ago,
            })
        });
        json!({
            "shard": self.shard, "open": !self.closed, "usage": self.usage, "rates": self.rates.document(),
            "hot_keys": hot, "readers": readers.collect::<Vec<_>>(),
        })
    }
}

impl View {
    /// What happened between two looks. Where the server began anew in between, everything that it tells is new.
    pub(super) fn between(before: &DescribeStreamLoadOutput, now: &DescribeStreamLoadOutput) -> Self {
        let goes_on = now.measured_millis >= before.measured_millis && now.stream_arn == before.stream_arn;
        let millis = now.measured_millis - if goes_on { before.measured_millis } else { 0 };
        let known = |id: &str| before.shards.iter().find(|load| goes_on && load.shard_id == id);
        let mut view = Self {
            stream: now.stream_name.clone(),
            status: now.stream_status.clone(),
            mode: now.stream_mode.clone().unwrap_or_default(),
            open_shards: now.open_shard_count,
            total: Rates::between(goes_on.then_some(&before.total), &now.total, millis),
            shards: now
                .shards
                .iter()
                .map(|load| Row::between(known(&load.shard_id), load, millis))
                .collect(),
        };
        view.sort(Order::Load);
        view
    }

    /// Sorts the rows, the most remarkable first.
    pub(super) fn sort(&mut self, order: Order) {
        let load = |row: &Row| Reverse(row.usage.to_bits());
        match order {
            Order::Load => self.shards.sort_by_key(|row| (load(row), row.shard.clone())),
            Order::Lag => self.shards.sort_by_key(|row| {
                let last = row.last_reader();
                (
                    Reverse(last.map(|reader| (reader.millis_behind, reader.records_behind))),
                    row.shard.clone(),
                )
            }),
            Order::Name => self.shards.sort_by(|a, b| a.shard.cmp(&b.shard)),
        }
    }

    pub(super) fn document(&self) -> Value {
        let shards: Vec<Value> = self.shards.iter().map(Row::document).collect();
        json!({
            "stream": self.stream, "status": self.status, "mode": self.mode, "open_shards": self.open_shards,
            "total": self.total.document(), "shards": shards,
        })
    }
}

/// `12.3 k`: a number that is read at a glance.
pub(super) fn short(value: f64) -> String {
    let (mut value, mut unit) = (value, "");
    for next in ["k", "M", "G", "T"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    match (unit, value) {
        ("", value) if value == value.trunc() || value >= 99.5 => format!("{value:.0}"),
        ("", value) => format!("{value:.1}"),
        (unit, value) if value >= 99.5 => format!("{value:.0} {unit}"),
        (unit, value) => format!("{value:.1} {unit}"),
    }
}

/// `1.5 s`: a duration that is read at a glance.
pub(super) fn lasting(millis: i64) -> String {
    match millis {
        ..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        60_000..3_600_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", millis / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use millrace_api::millrace::{HotKey, Reader as ApiReader};

    use super::*;

    fn load(shard: &str, records: i64, millis_behind: i64) -> ShardLoad {
        ShardLoad {
            shard_id: shard.to_owned(),
            traffic: Traffic {
                records_in: records,
                bytes_in: 10 * records,
                ..Traffic::default()
            },
            hot_keys: vec![HotKey {
                partition_key: "k".to_owned(),
                records: 3,
                of: 4,
            }],
            readers: vec![ApiReader {
                name: "GetRecords".to_owned(),
                records_behind: 1,
                millis_behind,
                seen_millis_ago: 5,
            }],
            ..ShardLoad::default()
        }
    }

    fn look(millis: i64, shards: Vec<ShardLoad>) -> DescribeStreamLoadOutput {
        let sum = |of: fn(&Traffic) -> i64| shards.iter().map(|load| of(&load.traffic)).sum();
        DescribeStreamLoadOutput {
            stream_arn: "arn".to_owned(),
            measured_millis: millis,
            total: Traffic {
                records_in: sum(|traffic| traffic.records_in),
                bytes_in: sum(|traffic| traffic.bytes_in),
                ..Traffic::default()
            },
            shards,
            ..DescribeStreamLoadOutput::default()
        }
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let before = look(1000, vec![load("a", 100, 0)]);
        let now = look(3000, vec![load("a", 300, 0), load("b", 2000, 7)]);
        let view = View::between(&before, &now);
        assert_eq!(view.shards[0].shard, "b", "the busiest first");
        assert!((view.shards[0].usage - 1.0).abs() < 1e-9);
        assert!((view.shards[1].rates.records_in - 100.0).abs() < 1e-9);
        assert!((view.shards[1].rates.bytes_in - 1000.0).abs() < 1e-9);
        assert!((view.total.records_in - 1100.0).abs() < 1e-9);
        assert_eq!(view.shards[0].hot, [("k".to_owned(), 0.75)]);
    }

    #[test]
    fn a_server_that_began_anew_is_taken_from_its_beginning() {
        let before = look(60_000, vec![load("a", 1000, 0)]);
        let now = look(1000, vec![load("a", 50, 0)]);
        let view = View::between(&before, &now);
        assert!((view.shards[0].rates.records_in - 50.0).abs() < 1e-9);
        let same = View::between(&now, &now);
        assert!(same.total.records_in.abs() < 1e-9, "no time, no rate");
    }

    #[test]
    fn rows_are_sorted_by_what_is_asked_for() {
        let now = look(1000, vec![load("c", 5, 0), load("a", 9, 1), load("b", 1, 30)]);
        let mut view = View::between(&look(0, Vec::new()), &now);
        let names = |view: &View| {
            view.shards
                .iter()
                .map(|row| row.shard.clone())
                .collect::<String>()
        };
        assert_eq!(names(&view), "acb");
        view.sort(Order::Lag);
        assert_eq!(names(&view), "bac");
        view.sort(Order::Name);
        assert_eq!(names(&view), "abc");
    }

    #[test]
    fn a_key_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{b7}[2Jb\u{b7}");
    }

    #[test]
    fn numbers_are_short() {
        let of = [0.0, 0.25, 12.0, 99.7, 999.4, 999.6, 1234.0, 123_456.0, 2e9];
        let shown: Vec<String> = of.into_iter().map(short).collect();
        assert_eq!(
            shown,
            ["0", "0.2", "12", "100", "999", "1.0 k", "1.2 k", "123 k", "2.0 G"]
        );
        let shown: Vec<String> = [999, 1500, 120_000, 7_200_000].into_iter().map(lasting).collect();
        assert_eq!(shown, ["999 ms", "1.5 s", "2 min", "2 h"]);
    }
}

//! From meters to the metrics of the developer guide, "Monitoring the Amazon Kinesis Data Streams service with Amazon
//! CloudWatch".

use millrace_api::cloudwatch::StandardUnit;

use super::meters::{Calls, ConsumerMeter, Losses, StreamMeter};
use crate::state::StreamKey;

/// Count, sum, least and greatest of some values; the count is never zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// How many.
    pub count: f64,
    /// All together.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// A metric of one stream, consumer or shard since the last drain.
#[derive(Clone, Copy, Debug)]
pub struct MetricSample<'a> {
    /// Whose stream: twelve digits.
    pub account: &'a str,
    /// Where it lives.
    pub region: &'a str,
    /// Such as `IncomingBytes` or `PutRecords.Latency`.
    pub name: &'static str,
    /// Of the values.
    pub unit: StandardUnit,
    /// `StreamName`, and `ConsumerName` or `ShardId` where it is of one.
    pub dimensions: &'a [(&'static str, &'a str)],
    /// The values.
    pub statistics: Statistics,
}

impl Statistics {
    /// Of `count` values that come to `sum`, all in units of `unit`. Where least and greatest were not seen in time,
    /// they are the average.
    #[expect(clippy::cast_precision_loss, reason = "a double holds what it can")]
    pub(super) fn of(count: u64, sum: u64, (min, max): (u64, u64), unit: f64) -> Self {
        let (count, sum) = (count as f64, sum as f64 * unit);
        let (min, max) = if min > max {
            (sum / count, sum / count)
        } else {
            (min as f64 * unit, max as f64 * unit)
        };
        Self { count, sum, min, max }
    }

    /// Of `all` things of which `some` are one and the others zero.
    #[expect(clippy::cast_precision_loss, reason = "a double holds what it can")]
    fn share(all: u64, some: u64) -> Option<Self> {
        let some = some.min(all);
        (all > 0).then_some(Self {
            count: all as f64,
            sum: some as f64,
            min: f64::from(u8::from(some == all)),
            max: f64::from(u8::from(some > 0)),
        })
    }

    /// The same values and `zeros` times zero.
    #[expect(clippy::cast_precision_loss, reason = "a double holds what it can")]
    fn and_zeros(values: Option<Self>, zeros: u64) -> Option<Self> {
        if zeros == 0 {
            return values;
        }
        let zeros = Self {
            count: zeros as f64,
            sum: 0.0,
            min: 0.0,
            max: 0.0,
        };
        Self::both(values, Some(zeros))
    }

    /// Two kinds of values as one.
    fn both(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(Self {
                count: a.count + b.count,
                sum: a.sum + b.sum,
                min: a.min.min(b.min),
                max: a.max.max(b.max),
            }),
            (one, other) => one.or(other),
        }
    }
}

const COUNT: StandardUnit = StandardUnit::Count;
const BYTES: StandardUnit = StandardUnit::Bytes;
const MILLISECONDS: StandardUnit = StandardUnit::Milliseconds;

/// Hands on what there is, all of one stream and perhaps one part of it.
pub(crate) struct Emitter<'a> {
    pub(crate) key: &'a StreamKey,
    /// `ConsumerName` or `ShardId`, and which.
    pub(crate) part: Option<(&'static str, &'a str)>,
    pub(crate) each: &'a mut dyn FnMut(&MetricSample<'_>),
}

impl Emitter<'_> {
    pub(crate) fn emit(&mut self, name: &'static str, unit: StandardUnit, statistics: Option<Statistics>) {
        let Some(statistics) = statistics else { return };
        let stream = ("StreamName", self.key.name.as_str());
        let with_part = [stream, self.part.unwrap_or(stream)];
        let dimensions = if self.part.is_some() {
            &with_part[..]
        } else {
            &with_part[..1]
        };
        (self.each)(&MetricSample {
            account: &self.key.account,
            region: &self.key.region,
            name,
            unit,
            dimensions,
            statistics,
        });
    }
}

/// What calls of one kind came to.
struct Taken {
    all: u64,
    failed: u64,
    latency: Option<Statistics>,
    bytes: Option<Statistics>,
    records: Option<Statistics>,
}

impl Taken {
    fn of(calls: &Calls) -> Self {
        // Failed calls are counted before all are, so they are taken after them.
        let all = calls.all.take();
        let failed = calls.failed.take().min(all);
        Self {
            all,
            failed,
            latency: calls.latency.take(all, 1e-3),
            bytes: calls.bytes.take(all - failed, 1.0),
            records: calls.records.take(all - failed, 1.0),
        }
    }

    fn success(&self) -> Option<Statistics> {
        Statistics::share(self.all, self.all - self.failed)
    }
}

/// Records lost in `all` calls, most of which lost none.
fn losses(losses: &Losses, all: u64) -> Option<Statistics> {
    let calls = losses.calls.take().min(all);
    Statistics::and_zeros(losses.records.take(calls, 1.0), all - calls)
}

/// Emits the metrics of a stream.
pub(super) fn stream(meter: &StreamMeter, each: &mut dyn FnMut(&MetricSample<'_>)) {
    let mut out = Emitter {
        key: &meter.key,
        part: None,
        each,
    };
    let one = Taken::of(&meter.put_record);
    out.emit("PutRecord.Bytes", BYTES, one.bytes);
    out.emit("PutRecord.Latency", MILLISECONDS, one.latency);
    out.emit("PutRecord.Success", COUNT, one.success());
    let many = Taken::of(&meter.put_records);
    let throttled = losses(&meter.throttled, many.all);
    out.emit("PutRecords.Bytes", BYTES, many.bytes);
    out.emit("PutRecords.Latency", MILLISECONDS, many.latency);
    out.emit("PutRecords.Records", COUNT, many.records);
    out.emit("PutRecords.Success", COUNT, many.success());
    out.emit("PutRecords.TotalRecords", COUNT, meter.total.take(many.all, 1.0));
    let successful = Statistics::and_zeros(many.records, many.failed);
    out.emit("PutRecords.SuccessfulRecords", COUNT, successful);
    out.emit("PutRecords.FailedRecords", COUNT, losses(&meter.lost, many.all));
    out.emit("PutRecords.ThrottledRecords", COUNT, throttled);
    out.emit("IncomingBytes", BYTES, Statistics::both(one.bytes, many.bytes));
    out.emit(
        "IncomingRecords",
        COUNT,
        Statistics::both(one.records, many.records),
    );
    let refused = Statistics::share(one.all, meter.put_record_throttled.take());
    let refused = Statistics::both(refused, throttled);
    out.emit("WriteProvisionedThroughputExceeded", COUNT, refused);
    let got = Taken::of(&meter.get_records);
    let age = meter.age.take(got.all - got.failed, 1.0);
    out.emit("GetRecords.Bytes", BYTES, got.bytes);
    out.emit("GetRecords.IteratorAge", MILLISECONDS, age);
    out.emit("GetRecords.IteratorAgeMilliseconds", MILLISECONDS, age);
    out.emit("GetRecords.Latency", MILLISECONDS, got.latency);
    out.emit("GetRecords.Records", COUNT, got.records);
    out.emit("GetRecords.Success", COUNT, got.success());
    let refused = Statistics::share(got.all, meter.get_records_throttled.take());
    out.emit("ReadProvisionedThroughputExceeded", COUNT, refused);
}

/// Emits the metrics of a consumer.
pub(super) fn consumer(meter: &ConsumerMeter, each: &mut dyn FnMut(&MetricSample<'_>)) {
    let mut out = Emitter {
        key: &meter.stream,
        part: Some(("ConsumerName", &meter.name)),
        each,
    };
    let (opened, refused) = (meter.subscribed.take(), meter.refused.take());
    let all = opened + refused;
    out.emit("SubscribeToShard.Success", COUNT, Statistics::share(all, opened));
    out.emit(
        "SubscribeToShard.RateExceeded",
        COUNT,
        Statistics::share(all, meter.too_many.take()),
    );
    let (events, errors) = (meter.events.take(), meter.errors.take());
    out.emit(
        "SubscribeToShardEvent.Success",
        COUNT,
        Statistics::share(events + errors, events),
    );
    out.emit(
        "SubscribeToShardEvent.Bytes",
        BYTES,
        meter.bytes.take(events, 1.0),
    );
    out.emit(
        "SubscribeToShardEvent.Records",
        COUNT,
        meter.records.take(events, 1.0),
    );
    out.emit(
        "SubscribeToShardEvent.MillisBehindLatest",
        MILLISECONDS,
        meter.behind.take(events, 1.0),
    );
}

//! What happened to each stream in the last minute: the statistics that CloudWatch has in its namespace AWS/Kinesis.
//!
//! A call adds to a few relaxed atomics of its stream's meter, which the stream's view holds: nothing is looked up,
//! allocated or locked, and nothing is done per record. Whoever keeps metrics drains all meters once a minute with
//! [`Streams::drain_metrics`]. A stream that nobody called yields nothing. A value that is added while its meter is
//! drained may be counted in one minute and summed in the next; over all minutes nothing is lost.

mod meters;
mod samples;
#[cfg(test)]
mod tests;
mod window;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub(crate) use meters::{ConsumerMeter, Puts, StreamMeter};
pub(crate) use samples::Emitter;
pub use samples::{MetricSample, Statistics};
pub(crate) use window::Windowed;

use crate::error::StreamsError;
use crate::limits::{CONSUMER_METERS_MAX, STREAM_METERS_MAX};
use crate::routing::StreamView;
use crate::service::Streams;
use crate::shard::append::Outcome;
use crate::shard::read::Page;
use crate::shard::request::Put;
use crate::state::{StreamKey, StreamUid};

/// A view's way to its stream's meter, found once; no part of what the view says.
#[derive(Clone, Debug, Default)]
pub(crate) struct MeterCell(OnceLock<Option<Arc<StreamMeter>>>);

/// The meters of all streams and consumers that were called.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    streams: Meters<StreamUid, StreamMeter>,
    consumers: Meters<(StreamUid, String), ConsumerMeter>,
}

/// Meters by whom they are of.
#[derive(Debug)]
struct Meters<K, M>(Mutex<HashMap<K, Arc<M>>>);

impl<K, M> Default for Meters<K, M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, M> Meters<K, M> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<M>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The meter of `key`; `None` where there are as many as there may be.
    fn get(&self, key: K, most: usize, new: impl FnOnce() -> M) -> Option<Arc<M>> {
        let mut meters = self.lock();
        if meters.len() >= most && !meters.contains_key(&key) {
            return None;
        }
        Some(Arc::clone(meters.entry(key).or_insert_with(|| Arc::new(new()))))
    }

    /// All meters. Those that nobody else holds and `is_idle` says have nothing to tell are forgotten.
    fn all(&self, is_idle: impl Fn(&M) -> bool) -> Vec<Arc<M>> {
        let mut meters = self.lock();
        meters.retain(|_, meter| Arc::strong_count(meter) > 1 || !is_idle(meter));
        meters.values().cloned().collect()
    }
}

impl Telemetry {
    /// The meter of a view's stream; `None` where there are as many as there may be.
    pub(crate) fn of<'v>(&self, view: &'v StreamView) -> Option<&'v StreamMeter> {
        let meter = view.meter.0.get_or_init(|| {
            self.streams
                .get(view.uid, STREAM_METERS_MAX, || StreamMeter::new(view.key.clone()))
        });
        meter.as_deref()
    }

    /// The meter of a consumer.
    pub(crate) fn consumer(
        &self,
        stream: &StreamKey,
        uid: StreamUid,
        name: &str,
    ) -> Option<Arc<ConsumerMeter>> {
        self.consumers
            .get((uid, name.to_owned()), CONSUMER_METERS_MAX, || {
                ConsumerMeter::new(stream.clone(), name.to_owned())
            })
    }
}

impl Streams {
    /// Counts a put that began at `begun`.
    pub(crate) fn put_ended(
        &self,
        (view, kind): (&StreamView, Puts),
        put: &Put<'_>,
        begun: Duration,
        outcomes: &Result<Vec<Outcome>, StreamsError>,
    ) {
        if let Some(meter) = self.0.telemetry.of(view) {
            let outcomes = outcomes.as_ref().ok().map(Vec::as_slice);
            meter.put(kind, put, self.since(begun), outcomes);
        }
    }

    /// Counts a GetRecords that began at `begun`; there is no page where it failed.
    pub(crate) fn get_ended(&self, view: &StreamView, begun: Duration, page: Option<&Page>) {
        if let Some(meter) = self.0.telemetry.of(view) {
            let page = page.map(|page| (page.records.len(), page.bytes, page.behind));
            meter.get(self.since(begun), page);
        }
    }

    /// Counts a GetRecords that was throttled.
    pub(crate) fn get_throttled(&self, view: &StreamView, begun: Duration) {
        if let Some(meter) = self.0.telemetry.of(view) {
            meter.get_throttled(self.since(begun));
        }
    }

    fn since(&self, begun: Duration) -> Duration {
        self.0.clock.monotonic().saturating_sub(begun)
    }

    /// Hands the statistics of everything since the last call to `each`: of streams, of their consumers, and of single
    /// shards where enhanced monitoring is on. To be called by one caller, once a minute.
    pub fn drain_metrics(&self, each: &mut dyn FnMut(&MetricSample<'_>)) {
        for meter in self.0.telemetry.streams.all(StreamMeter::is_idle) {
            samples::stream(&meter, each);
        }
        for meter in self.0.telemetry.consumers.all(ConsumerMeter::is_idle) {
            samples::consumer(&meter, each);
        }
        self.0.monitoring.drain(&self.monitored(), each);
    }
}

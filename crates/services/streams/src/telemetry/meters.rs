//! What is counted of a stream and of a consumer.

use std::time::Duration;

use super::window::{Count, Window};
use crate::shard::append::Outcome;
use crate::shard::request::{Entry, Put};
use crate::state::StreamKey;

/// Calls of one kind. `failed` ones are among `all`; the other windows are of those that did not fail.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) all: Count,
    pub(super) failed: Count,
    /// Of all calls, in microseconds.
    pub(super) latency: Window,
    pub(super) bytes: Window,
    pub(super) records: Window,
}

impl Calls {
    fn add(&self, took: Duration, done: Option<(u64, u64)>) {
        self.latency
            .add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        match done {
            Some((records, bytes)) => {
                self.records.add(records);
                self.bytes.add(bytes);
            }
            None => self.failed.up(),
        }
        self.all.up();
    }
}

/// Records of PutRecords calls that were not stored: how many calls had some, and how many those were.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pub(super) calls: Count,
    pub(super) records: Window,
}

impl Losses {
    fn add(&self, records: u64) {
        if records > 0 {
            self.records.add(records);
            self.calls.up();
        }
    }
}

/// One stream.
#[derive(Debug)]
pub(crate) struct StreamMeter {
    pub(super) key: StreamKey,
    pub(super) put_record: Calls,
    /// PutRecord calls that were throttled.
    pub(super) put_record_throttled: Count,
    pub(super) put_records: Calls,
    /// Records of all PutRecords calls.
    pub(super) total: Window,
    pub(super) throttled: Losses,
    pub(super) lost: Losses,
    pub(super) get_records: Calls,
    /// How far GetRecords calls were behind, in milliseconds.
    pub(super) age: Window,
    /// GetRecords calls that were throttled.
    pub(super) get_records_throttled: Count,
}

/// Which of the two operations a put was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Puts {
    /// PutRecord
    One,
    /// PutRecords
    Many,
}

impl StreamMeter {
    pub(super) fn new(key: StreamKey) -> Self {
        Self {
            key,
            put_record: Calls::default(),
            put_record_throttled: Count::default(),
            put_records: Calls::default(),
            total: Window::default(),
            throttled: Losses::default(),
            lost: Losses::default(),
            get_records: Calls::default(),
            age: Window::default(),
            get_records_throttled: Count::default(),
        }
    }

    /// Whether nothing was counted since it was drained.
    pub(super) fn is_idle(&self) -> bool {
        self.put_record.all.is_zero() && self.put_records.all.is_zero() && self.get_records.all.is_zero()
    }

    /// Counts a put that took so long; `outcomes` are those of its records, `None` where the call failed as a whole.
    pub(crate) fn put(&self, kind: Puts, put: &Put<'_>, took: Duration, outcomes: Option<&[Outcome]>) {
        let records = put.records.len() as u64;
        let (mut stored, mut bytes, mut throttled) = (0, 0, 0);
        for (outcome, entry) in outcomes.unwrap_or_default().iter().zip(&put.records) {
            match outcome {
                Outcome::Stored { .. } => {
                    stored += 1;
                    bytes += Entry::bytes(entry) as u64;
                }
                Outcome::Throttled { .. } => throttled += 1,
                Outcome::Failed => {}
            }
        }
        let done = (stored > 0).then_some((stored, bytes));
        match kind {
            Puts::One => {
                if throttled > 0 {
                    self.put_record_throttled.up();
                }
                self.put_record.add(took, done);
            }
            Puts::Many => {
                self.total.add(records);
                self.throttled.add(throttled);
                self.lost.add(records - stored - throttled);
                self.put_records.add(took, done);
            }
        }
    }

    /// Counts a GetRecords that took so long and yielded `records` of `bytes`, `behind` the newest record then; `None`
    /// where it failed.
    pub(crate) fn get(&self, took: Duration, page: Option<(usize, usize, Duration)>) {
        if let Some((_, _, behind)) = page {
            self.age
                .add(u64::try_from(behind.as_millis()).unwrap_or(u64::MAX));
        }
        let done = page.map(|(records, bytes, _)| (records as u64, bytes as u64));
        self.get_records.add(took, done);
    }

    /// Counts a GetRecords that was throttled; it failed too.
    pub(crate) fn get_throttled(&self, took: Duration) {
        self.get_records_throttled.up();
        self.get(took, None);
    }
}

/// One consumer of enhanced fan-out.
#[derive(Debug)]
pub(crate) struct ConsumerMeter {
    pub(super) stream: StreamKey,
    pub(super) name: String,
    pub(super) subscribed: Count,
    pub(super) refused: Count,
    /// Subscriptions refused because there was another one or they came too fast; among `refused`.
    pub(super) too_many: Count,
    pub(super) events: Count,
    /// Events that were errors; not among `events`.
    pub(super) errors: Count,
    pub(super) bytes: Window,
    pub(super) records: Window,
    /// In milliseconds.
    pub(super) behind: Window,
}

impl ConsumerMeter {
    pub(super) fn new(stream: StreamKey, name: String) -> Self {
        Self {
            stream,
            name,
            subscribed: Count::default(),
            refused: Count::default(),
            too_many: Count::default(),
            events: Count::default(),
            errors: Count::default(),
            bytes: Window::default(),
            records: Window::default(),
            behind: Window::default(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        [&self.subscribed, &self.refused, &self.events, &self.errors]
            .into_iter()
            .all(Count::is_zero)
    }

    /// Counts a subscription; `too_many` says of a refused one whether it came too soon.
    pub(crate) fn subscription(&self, opened: bool, too_many: bool) {
        if opened {
            self.subscribed.up();
        } else {
            if too_many {
                self.too_many.up();
            }
            self.refused.up();
        }
    }

    /// Counts a pushed event.
    pub(crate) fn event(&self, records: usize, bytes: usize, behind: Duration) {
        self.bytes.add(bytes as u64);
        self.records.add(records as u64);
        self.behind
            .add(u64::try_from(behind.as_millis()).unwrap_or(u64::MAX));
        self.events.up();
    }

    /// Counts an error that was pushed in place of an event.
    pub(crate) fn error(&self) {
        self.errors.up();
    }
}

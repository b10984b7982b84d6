//! Numbers that many add to and one takes away.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Statistics;

/// Sum, least and greatest of the values since the last time they were taken. How many there were is counted elsewhere,
/// once for all windows of a call.
#[derive(Debug)]
pub(super) struct Window {
    sum: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            sum: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
        }
    }
}

impl Window {
    /// Adds a value. Least and greatest are seldom written.
    pub(super) fn add(&self, value: u64) {
        self.sum.fetch_add(value, Ordering::Relaxed);
        if value < self.min.load(Ordering::Relaxed) {
            self.min.fetch_min(value, Ordering::Relaxed);
        }
        if value > self.max.load(Ordering::Relaxed) {
            self.max.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// What `count` values came to, in units of `unit`; `None` where there were none. A value that is being added right
    /// now may be counted in this window and summed up in the next, or the other way round; none is lost.
    pub(super) fn take(&self, count: u64, unit: f64) -> Option<Statistics> {
        if count == 0 {
            return None;
        }
        let sum = self.sum.swap(0, Ordering::Relaxed);
        let min = self.min.swap(u64::MAX, Ordering::Relaxed);
        let max = self.max.swap(0, Ordering::Relaxed);
        Some(Statistics::of(count, sum, (min, max), unit))
    }
}

/// How often something happened since the last time it was asked.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// Counts one. Whoever takes it sees what was added to windows before.
    pub(super) fn up(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Acquire)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// A number that only grows, and what was added to it since it was taken last.
#[derive(Debug, Default)]
pub(crate) struct Windowed {
    total: AtomicU64,
    window: Window,
    count: Count,
}

impl Windowed {
    /// Adds `n`.
    pub(crate) fn add(&self, n: u64) {
        self.total.fetch_add(n, Ordering::Relaxed);
        self.window.add(n);
        self.count.up();
    }

    /// What was added so far.
    pub(crate) fn get(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// What was added since the last call.
    pub(crate) fn take(&self) -> Option<Statistics> {
        self.window.take(self.count.take(), 1.0)
    }
}

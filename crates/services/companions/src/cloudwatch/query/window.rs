//! The time that a query is about, cut into periods.

use millrace_base::Timestamp;

use crate::cloudwatch::limits::{AHEAD_MAX, MINUTES_KEPT};

/// Periods of equal length from a start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The first second, the beginning of a period.
    pub(crate) start: u64,
    /// One behind the last second.
    pub(crate) end: u64,
    /// Length of a period in seconds.
    pub(crate) period: u64,
}

/// Whether metrics can be asked for by this period, in seconds: 1, 5, 10, 20, 30 or a multiple of 60 (API
/// GetMetricData, MetricStat).
pub(crate) const fn is_period(seconds: i32) -> bool {
    matches!(seconds, 1 | 5 | 10 | 20 | 30) || (seconds > 0 && seconds % 60 == 0)
}

impl Window {
    /// The window of a query in milliseconds: the start is rounded down to the minute, or to the period where that is
    /// shorter; what begins at the end or later is left out (API GetMetricStatistics, `StartTime`, `EndTime`).
    pub(crate) fn new(start_ms: i64, end_ms: i64, period: i32) -> Self {
        let seconds = |ms: i64| u64::try_from(ms).unwrap_or_default() / 1000;
        let period = u64::try_from(period).unwrap_or(60).max(1);
        let start = seconds(start_ms);
        let end = u64::try_from(end_ms).unwrap_or_default().div_ceil(1000);
        Self {
            start: start - start % period.min(60),
            end,
            period,
        }
    }

    /// The same periods, but only those in which there can be data at `now`.
    pub(crate) fn with_data(self, now: Timestamp) -> Self {
        let oldest = now.minus(MINUTES_KEPT).seconds().saturating_sub(60);
        let skipped = oldest.saturating_sub(self.start) / self.period;
        Self {
            start: self.start + skipped * self.period,
            end: self.end.min(now.plus(AHEAD_MAX).seconds() + 60),
            ..self
        }
    }

    /// How many periods there are.
    pub(crate) const fn len(self) -> u64 {
        self.end.saturating_sub(self.start).div_ceil(self.period)
    }

    /// The beginning of the period that `second` is in.
    pub(crate) const fn floor(self, second: u64) -> u64 {
        second - second.saturating_sub(self.start) % self.period
    }

    /// The beginnings of all periods up to `until`.
    pub(crate) fn starts(self, until: u64) -> impl Iterator<Item = u64> {
        let step = usize::try_from(self.period).unwrap_or(usize::MAX);
        (self.start..self.end.min(until)).step_by(step)
    }
}

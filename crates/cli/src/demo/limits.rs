//! The bounds of the tour.

use std::time::Duration;

/// Time between two summaries on a terminal, where each replaces the last.
pub(super) const TERMINAL_SUMMARY_TIME: Duration = Duration::from_secs(1);

/// Time to the first summary in a log, where they add up; it doubles with each …
pub(super) const LOG_SUMMARY_TIME: Duration = Duration::from_secs(2);

/// … up to this.
pub(super) const LOG_SUMMARY_TIME_MAX: Duration = Duration::from_secs(30);

/// Time that readers get for what was written last.
pub(super) const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(10);

/// Latest times from put to push that percentiles are taken of.
pub(super) const LATENCIES_MAX: usize = 4096;

/// Metrics that are shown; a machine has fewer.
pub(super) const METRICS_MAX: usize = 64;

/// Time that the server gets to end calls that are under way.
pub(super) const STOP_TIME_MAX: Duration = Duration::from_secs(5);

//! Counters of the service, each defined once with its unit and help, printed for Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// What was added so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that moves both ways.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $name:ident: $kind:ident = $prometheus:literal;)+) => {
        /// All metrics of the service.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $help])+ pub $name: $kind,)+
        }

        impl Metrics {
            /// Appends all metrics in Prometheus' text format.
            pub fn write_prometheus(&self, out: &mut String) {
                $({
                    let (help, kind) = (concat!($($help),+).trim(), stringify!($kind).to_ascii_lowercase());
                    let (name, value) = ($prometheus, self.$name.get());
                    // Writing into a String cannot fail.
                    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
                })+
            }
        }
    };
}

metrics! {
    /// Metrics that are kept, of all accounts.
    stored_metrics: Gauge = "millrace_cloudwatch_metrics";
    /// Memory of the metrics that are kept, in bytes.
    stored_bytes: Gauge = "millrace_cloudwatch_memory_bytes";
    /// Data that were taken in.
    samples: Counter = "millrace_cloudwatch_samples_total";
    /// Data that were refused because there was no room for another metric.
    refused: Counter = "millrace_cloudwatch_refused_samples_total";
    /// Statistic sets of the services that were thrown away because too many waited or there was no room.
    dropped: Counter = "millrace_cloudwatch_dropped_emissions_total";
    /// Appends to the log of metrics.
    appends: Counter = "millrace_cloudwatch_appends_total";
    /// Bytes appended to the log of metrics.
    appended_bytes: Counter = "millrace_cloudwatch_appended_bytes_total";
    /// Records of the log of metrics that could not be read.
    unreadable: Counter = "millrace_cloudwatch_unreadable_records_total";
    /// Checkpoints that were written.
    checkpoints: Counter = "millrace_cloudwatch_checkpoints_total";
}

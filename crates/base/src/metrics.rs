//! Numbers that are counted while running, each defined once with its unit and help, printed for Prometheus (its text
//! format, version 0.0.4).

use std::fmt::{Display, Write};
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
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

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

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It moves both ways.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// A metric's one definition. The unit is the end of the name, before `_total`.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub kind: Kind,
    /// A sentence about it.
    pub help: &'static str,
}

impl Definition {
    /// A number that only grows.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Counter;
        Self { name, kind, help }
    }

    /// A number that moves both ways.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Gauge;
        Self { name, kind, help }
    }

    /// Counts by size.
    #[must_use]
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        let kind = Kind::Histogram;
        Self { name, kind, help }
    }

    /// The lines before the values.
    pub fn head(&self, out: &mut String) {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let (name, help) = (self.name, self.help.trim());
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A metric of one value.
    pub fn write(&self, out: &mut String, value: impl Display) {
        self.head(out);
        let _ = writeln!(out, "{} {value}", self.name);
    }
}

/// Defines a structure of [`Counter`]s and [`Gauge`]s that prints itself; their documentation is their help.
#[macro_export]
macro_rules! metrics {
    (
        $(#[$meta:meta])*
        $visible:vis struct $Metrics:ident {
            $($(#[doc = $help:literal])+ $name:ident: $Kind:ident = $prometheus:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $visible struct $Metrics {
            $($(#[doc = $help])+ pub $name: $crate::metrics::$Kind,)+
        }

        impl $Metrics {
            /// Appends all of them in Prometheus' text format.
            $visible fn write_prometheus(&self, out: &mut String) {
                use $crate::metrics::{Definition, Kind};
                $(
                    let definition = Definition {
                        name: $prometheus,
                        kind: Kind::$Kind,
                        help: concat!($($help),+),
                    };
                    definition.write(out, self.$name.get());
                )+
            }
        }
    };
}

#[cfg(test)]
mod tests {

    metrics! {
        /// Two.
        struct Two {
            /// Bytes that came.
            bytes: Counter = "a_bytes_total",
            /// Those that are open, of a
            /// certain kind.
            open: Gauge = "a_open",
        }
    }

    #[test]
    fn a_metric_has_help_type_and_value() {
        let two = Two::default();
        two.bytes.add(7);
        two.open.up();
        two.open.up();
        two.open.down();
        let mut out = String::new();
        two.write_prometheus(&mut out);
        assert_eq!(
            out,
            "# HELP a_bytes_total Bytes that came.\n# TYPE a_bytes_total counter\na_bytes_total 7\n\
             # HELP a_open Those that are open, of a certain kind.\n# TYPE a_open gauge\na_open 1\n"
        );
    }
}

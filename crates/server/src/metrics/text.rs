//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write};

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric's one definition. The unit is the end of the name, before `_total`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

impl Definition {
    /// The lines before the values.
    pub(crate) fn head(&self, out: &mut String) {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(
            out,
            "# HELP {} {}\n# TYPE {} {kind}",
            self.name, self.help, self.name
        );
    }

    /// A metric of one value.
    pub(crate) fn write(&self, out: &mut String, value: impl Display) {
        self.head(out);
        let _ = writeln!(out, "{} {value}", self.name);
    }
}

/// A number of microseconds as seconds.
pub(crate) fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_help_type_and_value() {
        let definition = Definition {
            name: "a_bytes_total",
            kind: Kind::Counter,
            help: "Bytes.",
        };
        let mut out = String::new();
        definition.write(&mut out, 7);
        assert_eq!(
            out,
            "# HELP a_bytes_total Bytes.\n# TYPE a_bytes_total counter\na_bytes_total 7\n"
        );
        assert_eq!(seconds(1_000_250), "1.000250");
    }
}

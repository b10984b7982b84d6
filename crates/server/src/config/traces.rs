//! `[traces]`: where spans are sent.

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::{Values, bad};

/// The section.
#[derive(Clone, Debug, PartialEq)]
pub struct TracesConfig {
    /// Base address of the collector; `None` where nothing is sent.
    pub endpoint: Option<String>,
    /// Share of the traces that begin here, from 0 to 1.
    pub share: f64,
}

// A share is read from text and never is a NaN.
impl Eq for TracesConfig {}

static ENDPOINT: Key = Key {
    name: "traces.endpoint",
    env: "MILLRACE_TRACES_ENDPOINT",
    default: "",
    kind: Kind::Text,
    doc: "Base address of an OpenTelemetry collector, such as http://127.0.0.1:4318: a span for each call is sent there \
          by OTLP over HTTP. Without one nothing is sent.",
};
static SHARE: Key = Key {
    name: "traces.share",
    env: "MILLRACE_TRACES_SHARE",
    default: "1",
    kind: Kind::Text,
    doc: "Share of the traces that begin at this server, from 0 to 1. A call that continues a client's trace follows the \
          client's decision.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 2] = [&ENDPOINT, &SHARE];

impl TracesConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let share: f64 = values.parse(&SHARE)?;
        if !(0.0..=1.0).contains(&share) {
            let set = values.get(&SHARE);
            return Err(bad(&SHARE, &set.text, &set.source, "write a number from 0 to 1"));
        }
        Ok(Self {
            endpoint: values.text(&ENDPOINT),
            share,
        })
    }
}

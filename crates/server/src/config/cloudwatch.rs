//! `[cloudwatch]`: the metrics that clients put and the services emit.

use std::time::Duration;

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::Values;

/// The section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudwatchConfig {
    /// How often the services' own metrics are moved into CloudWatch.
    pub sample: Duration,
}

static SAMPLE: Key = Key {
    name: "cloudwatch.sample_secs",
    env: "MILLRACE_CLOUDWATCH_SAMPLE_SECS",
    default: "60",
    kind: Kind::Number,
    doc: "Seconds after which CloudWatch shows what the services counted, 1 to 60. It has them by the minute in any \
          case; fewer seconds only show an unfinished minute earlier.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 1] = [&SAMPLE];

impl CloudwatchConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            sample: Duration::from_secs(values.number(&SAMPLE, 1, 60)?),
        })
    }
}

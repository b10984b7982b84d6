//! `[streams]`: how Kinesis Data Streams behaves.

use std::time::Duration;

use millrace_streams::Profile;

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::Values;

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamsConfig {
    /// Which limits are enforced.
    pub profile: Profile,
    /// How long streams and consumers stay CREATING, UPDATING and DELETING at least.
    pub transition: Duration,
    /// How often expired records are looked for.
    pub retention_check: Duration,
    /// How often the load of on-demand streams is looked at.
    pub scaling_check: Duration,
}

static PROFILE: Key = Key {
    name: "streams.profile",
    env: "MILLRACE_STREAMS_PROFILE",
    default: "open",
    kind: Kind::Text,
    doc: "\"aws\" enforces every published quota with the published error; \"open\" only what protects the server.",
};
static TRANSITION: Key = Key {
    name: "streams.transition_ms",
    env: "MILLRACE_STREAMS_TRANSITION_MS",
    default: "30",
    kind: Kind::Number,
    doc: "Milliseconds that streams and consumers stay CREATING, UPDATING and DELETING at least; 0 skips the wait.",
};
static RETENTION_CHECK: Key = Key {
    name: "streams.retention_check_secs",
    env: "MILLRACE_STREAMS_RETENTION_CHECK_SECS",
    default: "30",
    kind: Kind::Number,
    doc: "Seconds between two looks for records and shards that are older than their stream's retention.",
};

static SCALING_CHECK: Key = Key {
    name: "streams.scaling_check_secs",
    env: "MILLRACE_STREAMS_SCALING_CHECK_SECS",
    default: "10",
    kind: Kind::Number,
    doc: "Seconds between two looks at the load of on-demand streams, whose shards are split and merged by it.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 4] = [&PROFILE, &TRANSITION, &RETENTION_CHECK, &SCALING_CHECK];

impl StreamsConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            profile: values.choice(&PROFILE, &[("aws", Profile::Aws), ("open", Profile::Open)])?,
            transition: Duration::from_millis(values.number(&TRANSITION, 0, 600_000)?),
            retention_check: values.seconds(&RETENTION_CHECK)?,
            scaling_check: values.seconds(&SCALING_CHECK)?,
        })
    }
}

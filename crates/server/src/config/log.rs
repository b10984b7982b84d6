//! `[log]`: what the server says while it runs.

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::{Values, bad};

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or `tracing` directives such as `info,millrace_streams=debug`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

static LEVEL: Key = Key {
    name: "log.level",
    env: "MILLRACE_LOG_LEVEL",
    default: "info",
    kind: Kind::Text,
    doc: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"; also for single modules, as in \
          \"info,millrace_streams=debug\". \"debug\" has one line for each call.",
};
static FORMAT: Key = Key {
    name: "log.format",
    env: "MILLRACE_LOG_FORMAT",
    default: "text",
    kind: Kind::Text,
    doc: "\"text\" for people or \"json\" for machines, one object a line; on standard error.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 2] = [&LEVEL, &FORMAT];

impl LogConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        let level = values.get(&LEVEL);
        if let Err(error) = level.text.parse::<tracing_subscriber::filter::EnvFilter>() {
            return Err(bad(
                &LEVEL,
                &level.text,
                &level.source,
                format!("write a level such as info: {error}"),
            ));
        }
        Ok(Self {
            level: level.text,
            format: values.choice(&FORMAT, &[("text", LogFormat::Text), ("json", LogFormat::Json)])?,
        })
    }
}

//! Why a configuration is refused; every message says what to do.

use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The configuration file of that name.
    File(String),
    /// That environment variable.
    Environment(&'static str),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "the file {path}"),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}: {detail}")]
    Unreadable {
        /// Which file.
        path: String,
        /// The operating system's reason.
        detail: String,
    },
    /// The file is no TOML.
    #[error("the configuration file {path} is not valid TOML: {detail}")]
    Syntax {
        /// Which file.
        path: String,
        /// Where and why.
        detail: String,
    },
    /// No such key.
    #[error("unknown setting '{key}' in {place}{}; `millrace config` lists all settings", did_you_mean(.nearest))]
    UnknownKey {
        /// What was written.
        key: String,
        /// Where.
        place: Source,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A value that is not of its kind.
    #[error("the setting '{key}' has the value '{value}' from {place}: {expected}")]
    BadValue {
        /// Which setting.
        key: String,
        /// Its text; `***` for a secret.
        value: String,
        /// Who set it.
        place: Source,
        /// What would be right.
        expected: String,
    },
    /// Settings that do not go together, and what to do.
    #[error("{0}")]
    Conflict(String),
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |name| format!(" (did you mean '{name}'?)"))
}

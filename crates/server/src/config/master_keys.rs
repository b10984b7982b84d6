//! `[keys]`: where the master keys are that encrypted streams need.

use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::keys::{Key, Kind};
use super::values::Values;

/// Its name within the data directory, where nobody names another.
const DIR_NAME: &str = "keys";

/// The section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysConfig {
    /// The directory of local master keys; `None` for one within the data directory.
    pub dir: Option<PathBuf>,
}

static DIR: Key = Key {
    name: "keys.dir",
    env: "MILLRACE_KEYS_DIR",
    default: "",
    kind: Kind::Text,
    doc: "The directory of the master keys that encrypted streams need; without one, keys/ in the data directory. Better \
          on another disk than the data, and in the backup: who loses it loses every record that was encrypted.",
};

/// The section's keys.
pub(super) static KEYS: [&Key; 1] = [&DIR];

impl KeysConfig {
    pub(super) fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            dir: values.text(&DIR).map(PathBuf::from),
        })
    }

    /// The directory of local master keys; `None` where they are in memory, as everything is.
    pub(crate) fn local_dir(&self, data_dir: Option<&Path>) -> Option<PathBuf> {
        self.dir
            .clone()
            .or_else(|| data_dir.map(|dir| dir.join(DIR_NAME)))
    }
}

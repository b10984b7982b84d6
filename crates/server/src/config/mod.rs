//! Settings: from a file, the environment and the command line, checked as a whole.
//!
//! Each section is a file with its keys, documented once in [`Key`]; later layers win: default, file, environment,
//! command line. Unknown keys are refused, with what may have been meant.

mod audit;
mod auth;
mod buckets;
mod cloudwatch;
mod dump;
mod error;
mod keys;
mod log;
mod master_keys;
mod server;
mod storage;
mod streams;
#[cfg(test)]
mod tests;
mod tls;
mod traces;
mod values;

use std::path::Path;

pub use audit::AuditConfig;
pub use auth::{AuthConfig, AuthMode, Credential, LOCAL_ACCOUNT, LOCAL_KEY};
pub use buckets::{BucketStore, BucketsConfig};
pub use cloudwatch::CloudwatchConfig;
pub use dump::reference;
pub use error::{ConfigError, Source};
pub use keys::{Key, Kind};
pub use log::{LogConfig, LogFormat};
pub use master_keys::{KeysConfig, KmsConfig};
pub use server::ServerConfig;
pub use storage::{Durability, MEMORY, StorageConfig};
pub use streams::StreamsConfig;
pub use tls::TlsConfig;
pub use traces::TracesConfig;

use values::Values;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `[server]`
    pub server: ServerConfig,
    /// `[tls]`
    pub tls: TlsConfig,
    /// `[auth]` and `[[credentials]]`
    pub auth: AuthConfig,
    /// `[storage]`
    pub storage: StorageConfig,
    /// `[keys]`
    pub keys: KeysConfig,
    /// `[streams]`
    pub streams: StreamsConfig,
    /// `[cloudwatch]`
    pub cloudwatch: CloudwatchConfig,
    /// `[audit]`
    pub audit: AuditConfig,
    /// `[buckets]`
    pub buckets: BucketsConfig,
    /// `[traces]`
    pub traces: TracesConfig,
    /// `[log]`
    pub log: LogConfig,
    values: Values,
}

impl Config {
    /// Reads and checks the configuration: `file` if there is one, then the environment through `env`, then
    /// `overrides` as pairs of key (`server.listen`) and text.
    ///
    /// # Errors
    /// [`ConfigError`], for the first thing that is wrong.
    pub fn load(
        file: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
        overrides: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut values = Values::defaults();
        if let Some(path) = file {
            values.read_file(path)?;
        }
        values.read_environment(env)?;
        for (name, text) in overrides {
            values.override_with(name, text)?;
        }
        let config = Self {
            server: ServerConfig::read(&values)?,
            tls: TlsConfig::read(&values)?,
            auth: AuthConfig::read(&values)?,
            storage: StorageConfig::read(&values)?,
            keys: KeysConfig::read(&values)?,
            streams: StreamsConfig::read(&values)?,
            cloudwatch: CloudwatchConfig::read(&values)?,
            audit: AuditConfig::read(&values)?,
            buckets: BucketsConfig::read(&values)?,
            traces: TracesConfig::read(&values)?,
            log: LogConfig::read(&values)?,
            values,
        };
        config.check()?;
        Ok(config)
    }

    /// Whether the settings go together. [`Server::start`](crate::Server::start) checks again.
    ///
    /// # Errors
    /// [`ConfigError::Conflict`].
    pub fn check(&self) -> Result<(), ConfigError> {
        let open = self.auth.mode == AuthMode::Sigv4 && self.auth.credentials.is_empty();
        if open && !self.server.is_loopback() {
            return Err(ConfigError::Conflict(format!(
                "server.listen is {}, which other machines can reach, but no credentials are configured and everybody \
                 knows the local ones: add a table [[credentials]] or set MILLRACE_CREDENTIALS=access_key:secret_key; \
                 listen on 127.0.0.1; or let everybody in with auth.mode = \"none\"",
                self.server.listen
            )));
        }
        if self.tls.self_signed && self.storage.dir().is_none() {
            return Err(ConfigError::Conflict(
                "tls.self_signed keeps its authority in the data directory, and storage.data_dir is :memory:: set a \
                 directory, or tls.cert and tls.key"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Names that look like a setting's environment variable but are none, each with what may have been meant. To
    /// warn about, since others may use the prefix too.
    pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<(String, Option<&'static str>)> {
        let known = || all_keys().map(|key| key.env);
        names
            .filter(|name| name.starts_with("MILLRACE_") && !known().any(|env| env == name))
            .map(|name| {
                let meant = keys::nearest(&name, known());
                (name, meant)
            })
            .collect()
    }
}

/// Every key, by section.
pub fn all_keys() -> impl Iterator<Item = &'static Key> {
    server::KEYS
        .iter()
        .chain(&tls::KEYS)
        .chain(&storage::KEYS)
        .chain(&master_keys::KEYS)
        .chain(&streams::KEYS)
        .chain(&cloudwatch::KEYS)
        .chain(&audit::KEYS)
        .chain(&buckets::KEYS)
        .chain(&traces::KEYS)
        .chain(&log::KEYS)
        .chain(&auth::KEYS)
        .copied()
}

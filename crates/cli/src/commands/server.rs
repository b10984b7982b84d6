//! What `serve`, `demo` and `config` share: the server's options on the command line, and running one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use millrace_server::config::{LogConfig, LogFormat};
use millrace_server::{Config, Server};
use tracing_subscriber::EnvFilter;

use crate::output::notes_reach_a_terminal;

/// Names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "MILLRACE_CONFIG";

/// Options of the server. What is not given here is taken from the environment, then from the file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Address and port to listen on [env: MILLRACE_LISTEN] [default: 127.0.0.1:4567]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Directory to keep the data in; ':memory:' keeps none [env: MILLRACE_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Configuration file (TOML); 'millrace config' prints one
    #[arg(long, env = CONFIG_VARIABLE, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Who is let in: 'sigv4' verifies every signature, 'none' lets everybody in
    #[arg(long, value_name = "MODE", value_parser = ["sigv4", "none"])]
    auth: Option<String>,
    /// PEM file with the certificate chain; makes https possible on the same port
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
    /// Any other setting; 'millrace config' lists them. May be repeated
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("write a setting as SECTION.KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Options {
    /// The whole configuration.
    pub(crate) fn load(&self) -> Result<Config> {
        let named = [
            ("server.listen", &self.listen),
            ("storage.data_dir", &self.data_dir),
            ("auth.mode", &self.auth),
            ("tls.cert", &self.tls_cert),
            ("tls.key", &self.tls_key),
        ];
        let named = named
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        let overrides: Vec<_> = named.chain(self.set.iter().cloned()).collect();
        Ok(Config::load(
            self.config.as_deref(),
            &|name| std::env::var(name).ok(),
            &overrides,
        )?)
    }
}

/// Starts to write the log, on standard error.
pub(crate) fn start_log(config: &LogConfig) -> Result<()> {
    let filter: EnvFilter = config.level.parse().context("log.level")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(notes_reach_a_terminal());
    let started = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

/// A server of this process.
pub(crate) struct Running {
    server: Server,
}

impl Running {
    /// Starts a server with default settings but for its address and its directory. The environment is left out, so
    /// that a tour is the same everywhere.
    pub(crate) async fn start(listen: SocketAddr, data_dir: &Path) -> Result<Self> {
        let dir = data_dir
            .to_str()
            .with_context(|| format!("{} is no UTF-8 text", data_dir.display()))?;
        let overrides = [
            ("server.listen", listen.to_string()),
            ("storage.data_dir", dir.to_owned()),
        ];
        let overrides = overrides.map(|(key, value)| (key.to_owned(), value));
        let config = Config::load(None, &|_| None, &overrides)?;
        let server = Server::start(config).await.context("the server does not start")?;
        Ok(Self { server })
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Stops it and waits, but not for ever.
    pub(crate) async fn stop(self, patience: Duration) -> Result<()> {
        self.server.stop();
        match tokio::time::timeout(patience, self.server.join()).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("the server did not stop within {} s", patience.as_secs()),
        }
    }
}

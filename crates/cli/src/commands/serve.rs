//! `millrace serve`.

use std::path::Path;

use anyhow::{Context as _, Result};
use millrace_server::{Config, Server};

use super::server::{Options, start_log};
use crate::output::{Output, note};
use crate::seams;

/// Runs the server until it is told to stop (SIGTERM, SIGINT): calls that are under way are answered first. SIGHUP
/// reads the TLS certificate again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    /// Do not say what to try next
    #[arg(long, short)]
    quiet: bool,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.options.load()?;
    start_log(&config.log)?;
    for (name, meant) in
        Config::unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
    {
        let meant = meant
            .map(|name| format!(" (did you mean {name}?)"))
            .unwrap_or_default();
        if name != super::server::CONFIG_VARIABLE {
            note(format_args!(
                "the environment variable {name} is no setting of millrace{meant}"
            ));
        }
    }
    seams::block_on(|_| async move {
        let facts = Facts::of(&config);
        let server = Server::start(config).await.context("the server does not start")?;
        if !args.quiet {
            let out = Output::new(false);
            for line in facts.banner(
                out,
                &server.local_addr().to_string(),
                server.certificate_authority().as_deref(),
            ) {
                out.line(line)?;
            }
        }
        let stopping = seams::interrupted();
        tokio::pin!(stopping);
        loop {
            tokio::select! {
                () = &mut stopping => break,
                () = hangup() => match server.reload_tls() {
                    Ok(()) => note("TLS certificate read again"),
                    Err(error) => note(format_args!("the old TLS certificate stays in use: {error}")),
                },
            }
        }
        // A second signal does not wait any longer.
        tokio::select! {
            () = async { server.stop(); server.join().await } => Ok(()),
            () = seams::interrupted() => Err(crate::exit::Early::Interrupted.into()),
        }
    })
}

/// Completes at SIGHUP.
async fn hangup() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut hangup) = signal(SignalKind::hangup()) {
            hangup.recv().await;
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// What the banner tells of the configuration.
struct Facts {
    /// Only the well-known local credentials are known.
    local_credentials: bool,
    everybody: bool,
    data_dir: Option<String>,
    tls: bool,
}

impl Facts {
    fn of(config: &Config) -> Self {
        Self {
            local_credentials: config.auth.credentials.is_empty(),
            everybody: config.auth.mode == millrace_server::config::AuthMode::None,
            data_dir: config.storage.dir().map(|dir| dir.display().to_string()),
            tls: config.tls.self_signed || config.tls.cert.is_some(),
        }
    }

    fn banner(&self, out: Output, address: &str, authority: Option<&Path>) -> Vec<String> {
        let scheme = if self.tls { "https" } else { "http" };
        let endpoint = format!("{scheme}://{address}");
        let who = match (self.everybody, self.local_credentials) {
            (true, _) => "nobody is asked for credentials",
            (false, true) => "access key test, secret key test",
            (false, false) => "the configured access keys",
        };
        let kept = match &self.data_dir {
            Some(dir) => format!("durably in {dir}"),
            None => "in memory, gone at the end".to_owned(),
        };
        let keys = if self.local_credentials {
            "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test "
        } else {
            ""
        };
        let trust = authority
            .map(|path| format!(" AWS_CA_BUNDLE={}", path.display()))
            .unwrap_or_default();
        vec![
            out.bold(format_args!(
                "millrace {} is ready at {endpoint}",
                env!("CARGO_PKG_VERSION")
            )),
            format!("  credentials  {who}"),
            format!("  records      {kept}"),
            "Try next:".to_owned(),
            format!("  export {keys}AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL={endpoint}{trust}"),
            "  millrace streams create orders".to_owned(),
            "  aws kinesis put-record --stream-name orders --partition-key a --data aGVsbG8=".to_owned(),
            "  millrace streams tail orders --from trim-horizon".to_owned(),
        ]
    }
}

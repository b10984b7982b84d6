//! `millrace admin kms import`: bytes of one's own, written into the key directory of a server that is stopped. They never
//! go over a connection.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use millrace_base::Secret;
use serde_json::json;

use crate::commands::server::Options;
use crate::output::Output;

/// Gives a key that was made with 'create --import' its bytes. The server that has the key directory must be stopped; the
/// directory is found by its configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id or ARN of the key
    key: String,
    /// File with the 32 bytes, as 'openssl rand -out FILE 32' makes one
    #[arg(long, value_name = "FILE")]
    material: PathBuf,
    #[command(flatten)]
    server: Options,
}

/// Imports them.
pub(super) fn run(args: &Args, out: Output) -> Result<()> {
    let config = args.server.load()?;
    let material = std::fs::read(&args.material)
        .map(Secret::new)
        .with_context(|| format!("cannot read {}", args.material.display()))?;
    let name = millrace_server::import_key(&config, &args.key, material.expose())?;
    out.document(&json!({ "arn": name, "state": "Enabled" }), || {
        vec![format!(
            "key {name} has its bytes; put {} where only you find it again, or destroy it",
            args.material.display()
        )]
    })?;
    Ok(())
}

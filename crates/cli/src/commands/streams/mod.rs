//! `millrace streams …`: one file per action.

pub(crate) mod consumers;
mod create;
mod delete;
mod describe;
mod list;
mod merge;
mod put;
mod retention;
mod scale;
mod shards;
mod split;
mod tags;
mod tail;
pub(crate) mod wait;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::client::credentials::region_from_env;
use crate::client::{Client, Credentials, DEFAULT_ENDPOINT, Endpoint};
use crate::output::Output;
use crate::seams::{self, Seams};

/// Works with the streams of a server, this one or AWS itself. Credentials come from AWS_ACCESS_KEY_ID,
/// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without them the local key test/test is used.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

/// The server that is called, and how answers are printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Server to call [default: $AWS_ENDPOINT_URL_KINESIS, $AWS_ENDPOINT_URL or http://127.0.0.1:4567]
    #[arg(long, global = true, help_heading = "Server and output", value_name = "URL")]
    endpoint: Option<Endpoint>,
    /// Region that is meant [default: $AWS_REGION, $AWS_DEFAULT_REGION or us-east-1]
    #[arg(
        long,
        global = true,
        help_heading = "Server and output",
        value_name = "REGION"
    )]
    region: Option<String>,
    /// PEM file with the certificates to trust for https [default: $AWS_CA_BUNDLE, $SSL_CERT_FILE or the system's]
    #[arg(long, global = true, help_heading = "Server and output", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "Server and output")]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a stream
    Create(create::Args),
    /// List all streams
    List(list::Args),
    /// Show one stream
    Describe(describe::Args),
    /// Delete a stream and its records
    Delete(delete::Args),
    /// Put records: from the command line, standard input or files
    Put(put::Args),
    /// Print records as they arrive
    Tail(tail::Args),
    /// List the shards of a stream
    Shards(shards::Args),
    /// Split a shard in two
    Split(split::Args),
    /// Merge two adjacent shards
    Merge(merge::Args),
    /// Change the number of shards
    Scale(scale::Args),
    /// List, register and deregister consumers of enhanced fan-out
    Consumers(consumers::Args),
    /// Show or change how long records are kept
    Retention(retention::Args),
    /// Show or change the tags of a stream
    Tags(tags::Args),
}

/// What an action works with.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) out: Output,
    seams: Seams,
}

/// Runs the chosen action.
pub(crate) fn run(args: Args) -> Result<()> {
    seams::block_on(|seams| async move {
        let context = args.target.context(seams)?;
        match args.action {
            Action::Create(args) => create::run(&context, args).await,
            Action::List(args) => list::run(&context, args).await,
            Action::Describe(args) => describe::run(&context, args).await,
            Action::Delete(args) => delete::run(&context, args).await,
            Action::Put(args) => put::run(&context, args).await,
            Action::Tail(args) => tail::run(&context, args).await,
            Action::Shards(args) => shards::run(&context, args).await,
            Action::Split(args) => split::run(&context, args).await,
            Action::Merge(args) => merge::run(&context, args).await,
            Action::Scale(args) => scale::run(&context, args).await,
            Action::Consumers(args) => consumers::run(&context, args).await,
            Action::Retention(args) => retention::run(&context, args).await,
            Action::Tags(args) => tags::run(&context, args).await,
        }
    })
}

impl Target {
    /// How answers are printed.
    pub(crate) fn output(&self) -> Output {
        Output::new(self.json)
    }

    pub(crate) fn context(&self, seams: Seams) -> Result<Context> {
        let var = |name: &str| std::env::var(name).ok();
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => set("AWS_ENDPOINT_URL_KINESIS")
                .or_else(|| set("AWS_ENDPOINT_URL"))
                .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned())
                .parse()
                .map_err(anyhow::Error::msg)
                .context("AWS_ENDPOINT_URL")?,
        };
        let region = self.region.clone().unwrap_or_else(|| region_from_env(var));
        let credentials = Credentials::from_env(var).map_err(anyhow::Error::msg)?;
        let parts = (seams.clock.clone(), seams.rng.clone(), seams.tasks.clone());
        let client = Client::new(endpoint, region, credentials, self.ca.as_deref(), parts)?;
        Ok(Context {
            client,
            out: self.output(),
            seams,
        })
    }
}

//! `millrace demo`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::demo::{self, Plan};
use crate::output::Output;
use crate::seams;

/// Starts a server in a directory of its own, feeds a stream with live readings of this machine – processor, memory,
/// disks, network – and reads them back in both ways the API has. Stays up until ctrl-C, so that you can try more.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of the server; if the default one is taken, a free port is used
    #[arg(long, env = "MILLRACE_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Directory to keep the data in [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// End after this many seconds; fails if a record did not come back both ways
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Milliseconds between two readings
    #[arg(long, default_value_t = 500, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    every_ms: u64,
    /// Number of shards
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=64))]
    shards: i32,
    /// Print the summaries as JSON, one a line
    #[arg(long)]
    json: bool,
}

/// Gives the tour.
pub(crate) fn run(args: Args) -> Result<()> {
    let plan = Plan {
        listen: args.listen,
        data_dir: args.data_dir,
        lasts: args.seconds.map(Duration::from_secs),
        every: Duration::from_millis(args.every_ms),
        shards: args.shards,
        out: Output::new(args.json),
    };
    seams::block_on(|seams| demo::run(plan, seams))
}

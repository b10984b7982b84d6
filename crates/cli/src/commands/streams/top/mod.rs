//! `millrace streams top`: what the shards of a stream do, as it happens.
//!
//! [`view`] makes rates of two looks; [`screen`] draws them on a terminal, [`lines`] prints them elsewhere.

mod lines;
mod screen;
mod view;

use std::time::Duration;

use anyhow::Result;
use millrace_api::millrace::{DescribeStreamLoadInput, DescribeStreamLoadOutput, SERVICE};

use super::Context;
use crate::client::{CallError, Client};
use view::View;

/// Watches what the shards of a stream do: traffic, share of the throughput, hot keys, lag of readers. On a terminal it
/// fills the screen; elsewhere it prints a table, or with --json a line, for every look.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Seconds between two looks, 0.2 to 60
    #[arg(long, default_value = "1", value_parser = interval, value_name = "SECONDS")]
    interval: Duration,
    /// End after so many looks, and print them even on a terminal
    #[arg(long, value_name = "LOOKS", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| format!("{text} is no number of seconds"))?;
    if (0.2..=60.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err("give between 0.2 and 60 seconds".to_owned())
}

/// Looks at one stream, again and again.
struct Looker {
    client: Client,
    name: String,
    last: DescribeStreamLoadOutput,
}

impl Looker {
    /// The first look begins the measuring and tells nothing yet.
    async fn begin(context: &Context, name: String) -> Result<Self, CallError> {
        let client = context.client.of(&SERVICE);
        let last = ask(&client, &name).await?;
        Ok(Self { client, name, last })
    }

    /// What happened since the last look.
    async fn look(&mut self) -> Result<View, CallError> {
        let now = ask(&self.client, &self.name).await?;
        let view = View::between(&self.last, &now);
        self.last = now;
        Ok(view)
    }
}

async fn ask(client: &Client, name: &str) -> Result<DescribeStreamLoadOutput, CallError> {
    let input = DescribeStreamLoadInput {
        stream_name: Some(name.to_owned()),
        ..DescribeStreamLoadInput::default()
    };
    client.call("DescribeStreamLoad", input).await
}

/// Watches until it is told to end.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let looker = Looker::begin(context, args.name).await?;
    if context.out.terminal && args.count.is_none() {
        screen::run(context, looker, args.interval).await
    } else {
        lines::run(context, looker, args.interval, args.count).await
    }
}

//! `millrace streams create`.

use anyhow::Result;
use millrace_api::Entries;
use millrace_api::kinesis::{CreateStreamInput, StreamMode, StreamModeDetails};
use serde_json::json;

use super::{Context, tags, wait};

/// Creates a stream and waits until it can be used.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Number of shards
    #[arg(
        long,
        short,
        default_value_t = 1,
        value_name = "N",
        conflicts_with = "on_demand"
    )]
    shards: i32,
    /// Let the stream scale by itself instead
    #[arg(long)]
    on_demand: bool,
    /// Largest record the stream takes, in KiB (1024 to 10240)
    #[arg(long, value_name = "KIB")]
    max_record_size: Option<i32>,
    /// Tag of the stream; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tags::parse)]
    tags: Vec<(String, String)>,
    /// Return before the stream can be used
    #[arg(long)]
    no_wait: bool,
}

/// Creates the stream.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let stream_mode = if args.on_demand {
        StreamMode::OnDemand
    } else {
        StreamMode::Provisioned
    };
    let input = CreateStreamInput {
        stream_name: args.name.clone(),
        shard_count: (!args.on_demand).then_some(args.shards),
        stream_mode_details: Some(StreamModeDetails { stream_mode }),
        max_record_size_in_kib: args.max_record_size,
        tags: (!args.tags.is_empty()).then_some(Entries(args.tags)),
        ..CreateStreamInput::default()
    };
    context.client.send("CreateStream", input).await?;
    let status = if args.no_wait {
        "CREATING"
    } else {
        wait::active(&context.client, &args.name)
            .await?
            .stream_status
            .as_str()
    };
    let document = json!({ "stream": args.name, "status": status });
    context
        .out
        .document(&document, || vec![format!("stream {} is {status}", args.name)])?;
    Ok(())
}

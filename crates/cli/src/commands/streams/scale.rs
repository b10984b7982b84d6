//! `millrace streams scale`.

use anyhow::Result;
use millrace_api::kinesis::{ScalingType, UpdateShardCountInput, UpdateShardCountOutput};
use serde_json::json;

use super::{Context, wait};

/// Changes the number of shards, evenly, and waits until it is done.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Number of shards
    shards: i32,
    /// Return before it is done
    #[arg(long)]
    no_wait: bool,
}

/// Changes it.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let input = UpdateShardCountInput {
        stream_name: Some(args.name.clone()),
        target_shard_count: args.shards,
        scaling_type: ScalingType::UniformScaling,
        stream_arn: None,
        stream_id: None,
    };
    let output: UpdateShardCountOutput = context.client.call("UpdateShardCount", input).await?;
    let before = output.current_shard_count.unwrap_or_default();
    let (mut now, mut status) = (None, "UPDATING");
    if !args.no_wait {
        let summary = wait::active(&context.client, &args.name).await?;
        (now, status) = (Some(summary.open_shard_count), summary.stream_status.as_str());
    }
    let document = json!({ "stream": args.name, "before": before, "open_shards": now, "status": status });
    context.out.document(&document, || {
        let goal = now.unwrap_or(args.shards);
        vec![format!(
            "stream {} is {status}: {before} → {goal} shards",
            args.name
        )]
    })?;
    Ok(())
}

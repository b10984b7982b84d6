//! `millrace streams merge`.

use anyhow::Result;
use millrace_api::kinesis::MergeShardsInput;

use super::{Context, split};

/// Merges two adjacent shards and waits until the new one takes records.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Shard to merge
    shard: String,
    /// The shard next to it
    adjacent: String,
    /// Return before it is done
    #[arg(long)]
    no_wait: bool,
}

/// Merges them.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let input = MergeShardsInput {
        stream_name: Some(args.name.clone()),
        shard_to_merge: args.shard.clone(),
        adjacent_shard_to_merge: args.adjacent.clone(),
        ..MergeShardsInput::default()
    };
    context.client.send("MergeShards", input).await?;
    split::finish(context, &args.name, &[&args.shard, &args.adjacent], args.no_wait).await
}

//! `millrace streams split`.

use anyhow::{Context as _, Result, bail};
use millrace_api::kinesis::SplitShardInput;

use super::{Context, shards, wait};
use crate::reader::list;

/// Splits a shard in two and waits until both take records.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Shard to split
    shard: String,
    /// First hash key of the upper half [default: the middle]
    #[arg(long, value_name = "HASH KEY")]
    at: Option<u128>,
    /// Return before it is done
    #[arg(long)]
    no_wait: bool,
}

/// Splits it.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let at = match args.at {
        Some(at) => at,
        None => middle(context, &args.name, &args.shard).await?,
    };
    let input = SplitShardInput {
        stream_name: Some(args.name.clone()),
        shard_to_split: args.shard.clone(),
        new_starting_hash_key: at.to_string(),
        ..SplitShardInput::default()
    };
    context.client.send("SplitShard", input).await?;
    finish(context, &args.name, &[&args.shard], args.no_wait).await
}

async fn middle(context: &Context, stream: &str, id: &str) -> Result<u128> {
    let all = list(&context.client, stream, None).await?;
    let Some(shard) = all.iter().find(|shard| shard.shard_id == id) else {
        bail!("stream {stream} has no shard {id}; see 'millrace streams shards {stream}'");
    };
    let bound = |text: &str| {
        text.parse::<u128>()
            .with_context(|| format!("shard {id} has hash key '{text}'"))
    };
    let (start, end) = (
        bound(&shard.hash_key_range.starting_hash_key)?,
        bound(&shard.hash_key_range.ending_hash_key)?,
    );
    Ok(half_way(start, end))
}

/// The first key of the upper half.
fn half_way(start: u128, end: u128) -> u128 {
    start + end.saturating_sub(start) / 2 + 1
}

/// Waits until the stream is active again and prints the children of `parents`.
pub(super) async fn finish(context: &Context, stream: &str, parents: &[&str], no_wait: bool) -> Result<()> {
    if no_wait {
        let document = serde_json::json!({ "stream": stream, "status": "UPDATING" });
        context
            .out
            .document(&document, || vec![format!("stream {stream} is UPDATING")])?;
        return Ok(());
    }
    wait::active(&context.client, stream).await?;
    let all = list(&context.client, stream, None).await?;
    let is_child = |parent: &Option<String>| parent.as_deref().is_some_and(|id| parents.contains(&id));
    let children: Vec<_> = all
        .iter()
        .filter(|shard| is_child(&shard.parent_shard_id) || is_child(&shard.adjacent_parent_shard_id))
        .collect();
    let document: Vec<_> = children.iter().map(|shard| shards::document(shard)).collect();
    context.out.document(&document, || {
        let ids: Vec<_> = children.iter().map(|shard| shard.shard_id.as_str()).collect();
        vec![format!("{} became {}", parents.join(" and "), ids.join(" and "))]
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::half_way;

    #[test]
    fn halves_are_even() {
        assert_eq!(half_way(0, u128::MAX), 1 << 127);
        assert_eq!(half_way(10, 19), 15);
    }
}

//! `millrace streams shards`.

use anyhow::Result;
use millrace_api::kinesis::{Shard, ShardFilter, ShardFilterType};
use serde_json::{Value, json};

use super::Context;
use crate::output::table;
use crate::reader::list;

/// Lists the shards of a stream.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Only the shards that take records
    #[arg(long)]
    open: bool,
}

/// Lists them.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let open = ShardFilter {
        r#type: ShardFilterType::AtLatest,
        shard_id: None,
        timestamp: None,
    };
    let shards = list(&context.client, &args.name, args.open.then_some(open)).await?;
    let document: Vec<_> = shards.iter().map(document).collect();
    context.out.document(&document, || {
        let rows: Vec<_> = shards.iter().map(row).collect();
        table(&["SHARD", "STATE", "SHARE", "HASH KEYS", "PARENTS"], &rows)
    })?;
    Ok(())
}

/// A shard in JSON.
pub(super) fn document(shard: &Shard) -> Value {
    json!({
        "id": shard.shard_id, "open": is_open(shard),
        "starting_hash_key": shard.hash_key_range.starting_hash_key,
        "ending_hash_key": shard.hash_key_range.ending_hash_key,
        "starting_sequence_number": shard.sequence_number_range.starting_sequence_number,
        "ending_sequence_number": shard.sequence_number_range.ending_sequence_number,
        "parents": parents(shard),
    })
}

/// Whether it takes records.
pub(super) fn is_open(shard: &Shard) -> bool {
    shard.sequence_number_range.ending_sequence_number.is_none()
}

fn parents(shard: &Shard) -> Vec<&str> {
    [&shard.parent_shard_id, &shard.adjacent_parent_shard_id]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect()
}

fn row(shard: &Shard) -> Vec<String> {
    let range = &shard.hash_key_range;
    let state = if is_open(shard) { "open" } else { "closed" };
    let share = share(&range.starting_hash_key, &range.ending_hash_key);
    let keys = format!("{}..{}", range.starting_hash_key, range.ending_hash_key);
    vec![
        shard.shard_id.clone(),
        state.to_owned(),
        share,
        keys,
        parents(shard).join(", "),
    ]
}

/// Which part of all keys a range has.
fn share(start: &str, end: &str) -> String {
    let (Ok(start), Ok(end)) = (start.parse::<u128>(), end.parse::<u128>()) else {
        return "?".to_owned();
    };
    // In thousandths, in integers: a double cannot hold the bounds.
    let thousandths = end.saturating_sub(start) / (u128::MAX / 1000);
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_of_all_keys() {
        let all = u128::MAX.to_string();
        assert_eq!(share("0", &all), "100.0%");
        assert_eq!(share("0", &(u128::MAX / 2).to_string()), "50.0%");
        assert_eq!(share(&(u128::MAX - u128::MAX / 8).to_string(), &all), "12.5%");
        assert_eq!(share("x", "1"), "?");
    }
}

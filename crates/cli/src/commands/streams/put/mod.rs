//! `millrace streams put`.

mod batch;
mod limits;
mod send;
mod source;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use serde_json::json;

use super::Context;
use crate::exit::Early;
use crate::output::{note, progress_bar};
use crate::seams;
use send::{Rules, Sender, Tally};
use source::{Keys, Kind, Source};

/// Puts records: the given ones, or else the lines of files or of standard input.
///
/// Records with the same partition key keep their order, whatever is refused and tried again on the way. Ends with
/// status 3 when some records were not taken.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Records; without any, every line of standard input is one
    #[arg(value_name = "RECORD", conflicts_with_all = ["files", "blobs", "ndjson"])]
    records: Vec<String>,
    /// File whose every line is a record; may be repeated
    #[arg(long = "file", short, value_name = "FILE", conflicts_with = "blobs")]
    files: Vec<PathBuf>,
    /// File that is a record as a whole; may be repeated
    #[arg(long = "blob", value_name = "FILE", conflicts_with = "ndjson")]
    blobs: Vec<PathBuf>,
    /// Lines are JSON objects; a line that is none is refused
    #[arg(long, requires = "key_field")]
    ndjson: bool,
    /// Member of each object that is its partition key; dots lead into nested objects
    #[arg(long, value_name = "FIELD", requires = "ndjson", conflicts_with = "key")]
    key_field: Option<String>,
    /// Partition key of all records [default: a random one for each]
    #[arg(long, short, value_name = "KEY")]
    key: Option<String>,
    /// Hash key of all records, which chooses their shard instead of the partition key
    #[arg(long, value_name = "NUMBER")]
    explicit_hash_key: Option<u128>,
    /// Send records of one key together: faster, but a refused one may end up behind its successors
    #[arg(long)]
    any_order: bool,
    /// Attempts for a record that the server refuses for now
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    attempts: u32,
}

/// Puts the records.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let keys = match (&args.key, &args.key_field) {
        (Some(key), _) => Keys::Fixed(key.clone()),
        (None, Some(field)) => Keys::Member(field.split('.').map(str::to_owned).collect()),
        (None, None) => Keys::Random(Arc::clone(context.client.rng())),
    };
    let few = !args.records.is_empty() || !args.blobs.is_empty();
    let kind = if few {
        Kind::Given {
            records: args.records,
            blobs: args.blobs,
        }
    } else {
        Kind::Lines { files: args.files }
    };
    let total = kind.bytes();
    let source = Source::open(kind, keys)?;
    let rules = Rules {
        stream: args.name.clone(),
        explicit_hash_key: args.explicit_hash_key.map(|key| key.to_string()),
        any_order: args.any_order,
        attempts: args.attempts,
        report_places: few,
    };
    let bar = progress_bar(total);
    let mut sender = Sender::new(context.client.clone(), rules, source, bar.clone());
    let interrupted = tokio::select! {
        result = sender.run() => { result?; false }
        () = seams::interrupted() => true,
    };
    bar.finish_and_clear();
    report(context, &args.name, &sender.into_tally(), interrupted)
}

fn report(context: &Context, stream: &str, tally: &Tally, interrupted: bool) -> Result<()> {
    let document = json!({
        "stream": stream, "sent": tally.sent, "failed": tally.failed, "retried": tally.retried,
        "bytes": tally.bytes, "interrupted": interrupted, "failures": tally.failures, "records": tally.places,
    });
    context.out.document(&document, || {
        let mut lines: Vec<String> = tally
            .places
            .iter()
            .map(|place| format!("{} {}", place.shard, place.sequence_number))
            .collect();
        let failed = if tally.failed == 0 {
            String::new()
        } else {
            format!(", {} not taken", tally.failed)
        };
        let retried = if tally.retried == 0 {
            String::new()
        } else {
            format!(" ({} tried again)", tally.retried)
        };
        lines.push(format!(
            "{} records, {} bytes put into {stream}{failed}{retried}",
            tally.sent, tally.bytes
        ));
        lines
    })?;
    if !context.out.json {
        for failure in &tally.failures {
            note(format_args!("{}: {}", failure.record, failure.reason));
        }
        let more = tally.failed.saturating_sub(tally.failures.len() as u64);
        if more > 0 {
            note(format_args!("… and {more} more"));
        }
    }
    match (interrupted, tally.failed) {
        (true, _) => Err(Early::Interrupted.into()),
        (false, 0) => Ok(()),
        (false, _) => Err(Early::Partial.into()),
    }
}

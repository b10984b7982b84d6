//! `millrace streams tail`.

mod position;
mod print;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};

use super::{Context, consumers};
use crate::exit::Early;
use crate::output::note;
use crate::reader::{Delivery, Follower, How, Options, Start, shards_at};
use crate::seams;
use print::{Format, Printer};

/// Prints records as they arrive, of all shards, across splits and merges. Ends with ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the stream
    name: String,
    /// Where to start: latest, trim-horizon, a time such as 2026-01-31T12:00:00Z or 1769860800, or an age such as 15m
    #[arg(long, default_value = "latest", value_name = "POSITION")]
    from: position::Position,
    /// Start at this record of --shard
    #[arg(
        long,
        value_name = "SEQUENCE NUMBER",
        requires = "shard",
        conflicts_with = "from"
    )]
    at_sequence: Option<String>,
    /// Start behind this record of --shard
    #[arg(long, value_name = "SEQUENCE NUMBER", requires = "shard", conflicts_with_all = ["from", "at_sequence"])]
    after_sequence: Option<String>,
    /// Only this shard, and what it is split or merged into; may be repeated
    #[arg(long = "shard", value_name = "SHARD")]
    shard: Vec<String>,
    /// How data is shown
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// End after this many records
    #[arg(long, short = 'n', value_name = "N")]
    max: Option<u64>,
    /// End when everything that was there has been printed
    #[arg(long)]
    no_follow: bool,
    /// Show records that a producer library aggregated as they are stored
    #[arg(long)]
    no_deaggregate: bool,
    /// Be pushed the records as this consumer (enhanced fan-out); it is registered for the time being if it is not
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
}

/// Prints until the end, or until it is interrupted, which is no failure.
pub(crate) async fn run(context: &Context, args: Args) -> Result<()> {
    let now = context.client.clock().now();
    let start = match (&args.at_sequence, &args.after_sequence) {
        (Some(number), _) => Start::AtSequence(number.clone()),
        (None, Some(number)) => Start::AfterSequence(number.clone()),
        (None, None) => args.from.start(now),
    };
    let shards = shards(context, &args, &start).await?;
    let (how, temporary) = how(context, &args).await?;
    let mut printer = Printer::new(context.out, args.name.clone(), args.format, !args.no_deaggregate);
    let options = Options {
        client: context.client.clone(),
        how,
        tasks: context.seams.tasks.clone(),
    };
    let mut follower = Follower::start(options, shards);
    let result = tokio::select! {
        result = follow(&mut follower, &args, &mut printer) => result,
        () = seams::interrupted() => Ok(()),
    };
    if let Some((arn, consumer)) = temporary {
        consumers::deregister(&context.client, &arn, &consumer).await?;
    }
    result
}

async fn shards(context: &Context, args: &Args, start: &Start) -> Result<Vec<(String, Start)>> {
    if !args.shard.is_empty() {
        return Ok(args
            .shard
            .iter()
            .map(|shard| (shard.clone(), start.clone()))
            .collect());
    }
    let shards = shards_at(&context.client, &args.name, start).await?;
    if shards.is_empty() {
        bail!("stream {} has no shards to read from there", args.name);
    }
    Ok(shards
        .into_iter()
        .map(|shard| (shard.shard_id, start.clone()))
        .collect())
}

/// How to read, and the consumer to take away afterwards.
async fn how(context: &Context, args: &Args) -> Result<(How, Option<(String, String)>)> {
    let Some(consumer) = &args.consumer else {
        return Ok((
            How::Poll {
                stream: args.name.clone(),
            },
            None,
        ));
    };
    let client = &context.client;
    let arn = consumers::arn(client, &args.name).await?;
    let (description, temporary) = match consumers::describe(client, &arn, consumer).await {
        Ok(_) => (consumers::active(client, &arn, consumer).await?, None),
        Err(error) if error.code() == Some("ResourceNotFoundException") => {
            let description = consumers::register(client, &arn, consumer).await?;
            (description, Some((arn, consumer.clone())))
        }
        Err(error) => return Err(error.into()),
    };
    Ok((
        How::Push {
            consumer_arn: description.consumer_arn,
        },
        temporary,
    ))
}

async fn follow(follower: &mut Follower, args: &Args, printer: &mut Printer) -> Result<()> {
    // Shards that still have something behind the position they were last read at.
    let mut behind: BTreeMap<String, bool> = BTreeMap::new();
    let mut failed = false;
    while let Some(delivery) = follower.next().await {
        match delivery {
            Delivery::Records {
                shard,
                records,
                caught_up,
            } => {
                for record in &records {
                    printer.record(&shard, record)?;
                    if args.max.is_some_and(|max| printer.printed() >= max) {
                        return Ok(());
                    }
                }
                behind.insert(shard, !caught_up);
            }
            Delivery::End { shard, .. } => {
                behind.remove(&shard);
            }
            Delivery::Trouble { shard, error } => note(format_args!("{shard}: {error}; trying again")),
            Delivery::Failed { error, .. } if follower.reading() == 0 && !failed => {
                return Err(error).context("no shard can be read any more");
            }
            Delivery::Failed { shard, error } => {
                failed = true;
                behind.remove(&shard);
                note(format_args!("{shard}: {error}"));
            }
        }
        let caught_up = behind.len() >= follower.reading() && behind.values().all(|behind| !behind);
        if args.no_follow && caught_up {
            break;
        }
    }
    if failed {
        Err(Early::Partial.into())
    } else {
        Ok(())
    }
}

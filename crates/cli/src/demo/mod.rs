//! The tour: a server, a stream of live readings, two readers, and a moving summary of what came back.

mod feed;
mod limits;
mod readings;
mod stage;
mod summary;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use millrace_base::Tasks;

use crate::exit::Early;
use crate::output::Output;
use crate::reader::{Delivery, Follower, How, Options, Start, shards_at};
use crate::seams::{self, Seams};
use feed::{Feed, Sample};
use limits::{
    CATCH_UP_TIME_MAX, LOG_SUMMARY_TIME, LOG_SUMMARY_TIME_MAX, STOP_TIME_MAX, TERMINAL_SUMMARY_TIME,
};
use stage::Stage;
use summary::{Summary, Way};

/// What the tour is like.
pub(crate) struct Plan {
    /// Where the server listens; `None` is the default port, or a free one if that is taken.
    pub listen: Option<SocketAddr>,
    /// Where the data is kept; `None` is a directory that is removed at the end.
    pub data_dir: Option<PathBuf>,
    /// How long it lasts; `None` is until it is interrupted.
    pub lasts: Option<Duration>,
    /// Time between two readings of each metric.
    pub every: Duration,
    /// Shards of the stream.
    pub shards: i32,
    /// How the summary is shown.
    pub out: Output,
}

/// Gives the tour.
pub(crate) async fn run(plan: Plan, seams: Seams) -> Result<()> {
    // The audience leaves before the stage is struck: a server waits for the calls that are under way.
    let audience = Seams {
        tasks: Tasks::new(),
        ..seams
    };
    let stage = Stage::set(&plan, &audience).await?;
    let result = play(&plan, &audience, &stage).await;
    audience.tasks.drain(STOP_TIME_MAX).await;
    stage.strike().await?;
    result
}

async fn play(plan: &Plan, seams: &Seams, stage: &Stage) -> Result<()> {
    let out = plan.out;
    if !out.json {
        for line in stage.welcome(out) {
            out.line(line)?;
        }
    }
    let mut polled = follow(
        stage,
        seams,
        How::Poll {
            stream: stage.stream.clone(),
        },
    )
    .await?;
    let mut pushed = follow(
        stage,
        seams,
        How::Push {
            consumer_arn: stage.consumer_arn.clone(),
        },
    )
    .await?;
    let feed = Feed::start(stage, seams, plan.every);
    let mut summary = Summary::new(feed.run_id().to_owned());
    let mut every = if out.terminal {
        TERMINAL_SUMMARY_TIME
    } else {
        LOG_SUMMARY_TIME
    };
    let mut next_summary = seams.clock.sleep(every);
    let mut end = Box::pin(over(plan, seams));
    loop {
        tokio::select! {
            delivery = polled.next() => summary.take(delivery, Way::GetRecords, seams.clock.monotonic())?,
            delivery = pushed.next() => summary.take(delivery, Way::SubscribeToShard, seams.clock.monotonic())?,
            () = &mut next_summary => {
                summary.print(out, feed.written(), seams.clock.monotonic())?;
                if !out.terminal {
                    every = (every * 2).min(LOG_SUMMARY_TIME_MAX);
                }
                next_summary = seams.clock.sleep(every);
            }
            () = &mut end => break,
        }
        feed.check()?;
    }
    let written = feed.stop().await?;
    let mut patience = seams.clock.sleep(CATCH_UP_TIME_MAX);
    while !summary.has_all(written) {
        tokio::select! {
            delivery = polled.next() => summary.take(delivery, Way::GetRecords, seams.clock.monotonic())?,
            delivery = pushed.next() => summary.take(delivery, Way::SubscribeToShard, seams.clock.monotonic())?,
            () = &mut patience => break,
        }
    }
    summary.finish(out, written, seams.clock.monotonic())?;
    if summary.has_all(written) && written > 0 {
        Ok(())
    } else {
        Err(Early::Failed.into())
    }
}

/// Completes when the tour should end.
async fn over(plan: &Plan, seams: &Seams) {
    let Some(lasts) = plan.lasts else {
        return seams::interrupted().await;
    };
    tokio::select! {
        () = seams.clock.sleep(lasts) => {}
        () = seams::interrupted() => {}
    }
}

async fn follow(stage: &Stage, seams: &Seams, how: How) -> Result<Follower> {
    // From the beginning, so that nothing is missed; records of an earlier tour carry another run's id.
    let start = Start::TrimHorizon;
    let shards = shards_at(&stage.client, &stage.stream, &start).await?;
    let shards = shards
        .into_iter()
        .map(|shard| (shard.shard_id, start.clone()))
        .collect();
    Ok(Follower::start(
        Options {
            client: stage.client.clone(),
            how,
            tasks: seams.tasks.clone(),
        },
        shards,
    ))
}

impl Summary {
    /// Counts what a reader delivered.
    fn take(&mut self, delivery: Option<Delivery>, way: Way, now: Duration) -> Result<()> {
        match delivery {
            Some(Delivery::Records { records, .. }) => {
                for record in records {
                    if let Ok(sample) = serde_json::from_slice::<Sample>(&record.data) {
                        self.count(&sample, way, now);
                    }
                }
                Ok(())
            }
            Some(Delivery::Failed { shard, error }) => Err(anyhow::Error::new(error).context(shard)),
            Some(Delivery::End { .. } | Delivery::Trouble { .. }) => Ok(()),
            None => {
                anyhow::bail!("the stream has no shards any more: it was deleted while the tour was running")
            }
        }
    }
}

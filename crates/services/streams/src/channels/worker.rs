//! One task per channel: settles it, delivers what is due, and waits for the next time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millrace_base::Timestamp;
use millrace_blob::{BlobError, Bucket};
use tokio::sync::Notify;

use super::deliver::{Delivery, due};
use crate::error::StreamsError;
use crate::limits::{CHANNEL_LOOK_MAX, CHANNEL_LOOK_MIN, CHANNEL_RETRY_MAX, CHANNEL_RETRY_MIN};
use crate::service::Streams;
use crate::state::{Channel, ChannelCommand, ChannelKey, ChannelPhase, Command, ShardIndex};

/// Channels that have a task.
#[derive(Debug, Default)]
struct Busy {
    channels: Mutex<HashSet<ChannelKey>>,
    ended: Notify,
}

impl Busy {
    fn set(&self) -> std::sync::MutexGuard<'_, HashSet<ChannelKey>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives every channel a task, again after every change, until the service stops.
pub(crate) async fn run(streams: Streams) {
    let busy = Arc::new(Busy::default());
    let mut changed = streams.changed();
    loop {
        changed.borrow_and_update();
        let keys: Vec<ChannelKey> = streams.0.control.read(|state| {
            let alive = state
                .channels()
                .filter(|(_, channel)| !matches!(channel.phase, ChannelPhase::Failed(_)));
            alive.map(|(key, _)| key.clone()).collect()
        });
        for key in keys {
            if busy.set().insert(key.clone()) {
                let (streams, busy) = (streams.clone(), Arc::clone(&busy));
                streams.0.tasks.clone().spawn_until_stop(async move {
                    attend(&streams, &key).await;
                    busy.set().remove(&key);
                    busy.ended.notify_one();
                });
            }
        }
        tokio::select! {
            changed = changed.changed() => if changed.is_err() { return },
            () = busy.ended.notified() => {}
        }
    }
}

/// Attends to a channel until it is gone or failed.
async fn attend(streams: &Streams, key: &ChannelKey) {
    let mut changed = streams.changed();
    let mut failures = 0;
    loop {
        changed.borrow_and_update();
        let Some(channel) = streams.0.control.read(|state| state.channel(key).cloned()) else {
            return;
        };
        if matches!(channel.phase, ChannelPhase::Failed(_)) {
            return;
        }
        let wait = match step(streams, key, &channel).await {
            Ok(wait) => {
                failures = 0;
                wait
            }
            Err(error) => {
                failures += 1;
                streams.0.metrics.channel_errors.add(1);
                tracing::warn!(channel = key.id, %error, failures, "a channel could not deliver, trying again");
                backoff(failures)
            }
        };
        tokio::select! {
            () = streams.0.clock.sleep(wait) => {}
            changed = changed_phase(streams, key, &channel, &mut changed) => if !changed { return },
        }
    }
}

/// Waits until the channel is in another phase or set otherwise; progress of its own is no news. False where the
/// service ends.
async fn changed_phase(
    streams: &Streams,
    key: &ChannelKey,
    seen: &Channel,
    changed: &mut tokio::sync::watch::Receiver<u64>,
) -> bool {
    loop {
        if changed.changed().await.is_err() {
            return false;
        }
        let same = streams.0.control.read(|state| {
            let now = state.channel(key)?;
            Some(now.phase == seen.phase && now.settings == seen.settings)
        });
        if same != Some(true) {
            return true;
        }
    }
}

fn backoff(failures: u32) -> Duration {
    CHANNEL_RETRY_MIN
        .saturating_mul(1 << failures.min(10))
        .min(CHANNEL_RETRY_MAX)
}

/// Does what is to be done now; says when to look again at the latest.
async fn step(streams: &Streams, key: &ChannelKey, channel: &Channel) -> Result<Duration, StreamsError> {
    let command = match channel.phase {
        ChannelPhase::Creating => settle_new(streams, key, channel).await?,
        ChannelPhase::Updating | ChannelPhase::Deleting => ChannelCommand::Settle,
        ChannelPhase::Failed(_) => return Ok(CHANNEL_LOOK_MAX),
        ChannelPhase::Active => return deliver_due(streams, key, channel).await,
    };
    let transition = streams.0.settings.transition;
    if !transition.is_zero() {
        streams.0.clock.sleep(transition).await;
    }
    streams
        .propose(Command::Channel {
            key: key.clone(),
            command,
        })
        .await?;
    Ok(Duration::ZERO)
}

/// Looks at the destination, and where the stream ends.
async fn settle_new(
    streams: &Streams,
    key: &ChannelKey,
    channel: &Channel,
) -> Result<ChannelCommand, StreamsError> {
    let settings = &channel.settings;
    let buckets = [&settings.destination.bucket, &settings.destination.dead_letters];
    for bucket in buckets {
        let wanted = Bucket {
            name: bucket.name().to_owned(),
            region: key.region.clone(),
            key: settings.encryption_key.clone(),
        };
        match streams.0.buckets.open(&wanted).await {
            Ok(_) => {}
            Err(error @ (BlobError::NoBucket { .. } | BlobError::BadKey { .. })) => {
                return Ok(ChannelCommand::Fail {
                    reason: format!("The destination cannot be used: {error}."),
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    let gone = || ChannelCommand::Fail {
        reason: "The stream was deleted while the channel was created.".to_owned(),
    };
    let Ok(view) = streams.view(&settings.stream) else {
        return Ok(gone());
    };
    if view.uid != channel.stream_uid {
        return Ok(gone());
    }
    let mut from = Vec::new();
    for shard in view.shards().iter().filter(|shard| shard.is_open()) {
        let tail = streams.0.log.tail(shard.log_id())?;
        from.push((shard.index, tail.end));
    }
    let born_before = view
        .shards()
        .last()
        .map_or(0, |shard| shard.index.0.saturating_add(1));
    Ok(ChannelCommand::Ready {
        from,
        born_before: ShardIndex(born_before),
    })
}

/// Delivers where the oldest record is old enough; says when the next one will be.
async fn deliver_due(
    streams: &Streams,
    key: &ChannelKey,
    channel: &Channel,
) -> Result<Duration, StreamsError> {
    let freshness = Duration::from_secs(u64::from(channel.settings.destination.freshness_secs));
    // A stream that is on its way out has nothing more to deliver.
    let Ok(view) = streams.view(&channel.settings.stream) else {
        return Ok(CHANNEL_LOOK_MAX);
    };
    if view.uid != channel.stream_uid {
        return Ok(CHANNEL_LOOK_MAX);
    }
    let pending = due(streams, channel, &view).await?;
    let now = streams.0.clock.now();
    let oldest: Option<Timestamp> = pending.iter().map(|due| due.time).min();
    let wait = oldest.map(|time| freshness.saturating_sub(now.since(time)));
    match wait {
        Some(Duration::ZERO) => {
            // Few at once: each holds an object in memory.
            let Ok(_permit) = streams.0.deliveries.acquire().await else {
                return Ok(CHANNEL_LOOK_MAX);
            };
            Delivery::open(streams, key, channel, &view)
                .await?
                .run(pending)
                .await?;
            Ok(Duration::ZERO)
        }
        // What is not there yet becomes due a whole interval after it comes.
        other => Ok(other
            .unwrap_or(freshness)
            .clamp(CHANNEL_LOOK_MIN, CHANNEL_LOOK_MAX)),
    }
}

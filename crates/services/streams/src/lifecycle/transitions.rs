//! Brings streams, consumers and queues to rest.
//!
//! One task per stream that is not at rest, so that the steps of one stream never overtake each other within a
//! process: a stream that is deleted while it is resharded finishes that first.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use millrace_base::Timestamp;
use tokio::sync::Notify;

use super::logs;
use crate::error::StreamsError;
use crate::limits::TRANSITION_RETRY;
use crate::queues;
use crate::service::Streams;
use crate::state::{
    Command, EncryptionCommand, LogNumber, Phase, QueueKey, QueuePhase, Reshard, ShardIndex, Status, Stream,
    StreamKey, StreamUid,
};

/// Something that is not at rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Item {
    Stream(StreamKey, StreamUid),
    Consumer(StreamKey, StreamUid, String, Timestamp),
    Queue(QueueKey),
}

/// Items that have a task.
#[derive(Debug, Default)]
struct Busy {
    items: Mutex<HashSet<Item>>,
    ended: Notify,
}

impl Busy {
    fn begin(&self, item: &Item) -> bool {
        self.items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(item.clone())
    }

    fn end(&self, item: &Item) {
        self.items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(item);
        self.ended.notify_one();
    }
}

/// Starts a task for everything that is not at rest, again after every change.
pub(super) async fn run(streams: Streams) {
    let busy = Arc::new(Busy::default());
    let mut changed = streams.changed();
    loop {
        changed.borrow_and_update();
        for item in restless(&streams) {
            if busy.begin(&item) {
                let (streams, busy) = (streams.clone(), Arc::clone(&busy));
                streams.0.tasks.clone().spawn_until_stop(async move {
                    settle(&streams, &item).await;
                    busy.end(&item);
                });
            }
        }
        tokio::select! {
            changed = changed.changed() => if changed.is_err() { return },
            // An item may have become restless again while its task was ending.
            () = busy.ended.notified() => {}
        }
    }
}

fn restless(streams: &Streams) -> Vec<Item> {
    streams.0.control.read(|state| {
        let mut items = Vec::new();
        for (key, stream) in state.streams() {
            if stream.phase != Phase::Active {
                items.push(Item::Stream(key.clone(), stream.uid));
            }
            let consumers = stream
                .consumers
                .values()
                .filter(|consumer| consumer.status != Status::Active);
            items.extend(
                consumers.map(|c| Item::Consumer(key.clone(), stream.uid, c.name.clone(), c.created)),
            );
        }
        let queues = state
            .queues()
            .filter(|(_, queue)| queue.phase != QueuePhase::Active);
        items.extend(queues.map(|(key, _)| Item::Queue(key.clone())));
        items
    })
}

/// Works on an item until it rests or is gone.
async fn settle(streams: &Streams, item: &Item) {
    loop {
        match step(streams, item).await {
            Ok(Step::AtRest) => return,
            Ok(Step::Moved) => streams.0.metrics.transitions.add(1),
            Err(error) => {
                tracing::warn!(?item, %error, "transition failed, trying again");
                streams.0.metrics.lifecycle_errors.add(1);
                streams.0.clock.sleep(TRANSITION_RETRY).await;
            }
        }
    }
}

enum Step {
    AtRest,
    Moved,
}

async fn step(streams: &Streams, item: &Item) -> Result<Step, StreamsError> {
    match item {
        Item::Stream(key, uid) => match streams.stream(key) {
            Ok(stream) if stream.uid == *uid => step_stream(streams, key, &stream).await,
            _ => Ok(Step::AtRest),
        },
        Item::Queue(key) => match queues::lifecycle::step(streams, key).await? {
            true => Ok(Step::Moved),
            false => Ok(Step::AtRest),
        },
        Item::Consumer(key, uid, name, created) => {
            let moving = streams.stream(key).is_ok_and(|stream| {
                let consumer = stream
                    .consumers
                    .get(name)
                    .filter(|consumer| consumer.created == *created);
                stream.uid == *uid && consumer.is_some_and(|consumer| consumer.status != Status::Active)
            });
            if !moving {
                return Ok(Step::AtRest);
            }
            pause(streams).await;
            let (key, uid, name, created) = (key.clone(), *uid, name.clone(), *created);
            streams
                .propose(Command::ConsumerSettled {
                    key,
                    uid,
                    name,
                    created,
                })
                .await?;
            Ok(Step::Moved)
        }
    }
}

async fn step_stream(streams: &Streams, key: &StreamKey, stream: &Stream) -> Result<Step, StreamsError> {
    let uid = stream.uid;
    match &stream.phase {
        Phase::Active => return Ok(Step::AtRest),
        Phase::Creating => {
            let numbers: Vec<LogNumber> = stream.shards.values().map(|shard| shard.log).collect();
            logs::create(streams, numbers, stream.retention()).await?;
            pause(streams).await;
            streams
                .propose(Command::StreamCreated {
                    key: key.clone(),
                    uid,
                })
                .await?;
        }
        Phase::Resharding(reshard) => step_reshard(streams, key, stream, reshard).await?,
        Phase::Encrypting(_) => {
            pause(streams).await;
            let command = EncryptionCommand::Settled { uid };
            streams
                .propose(Command::Encryption {
                    key: key.clone(),
                    command,
                })
                .await?;
        }
        Phase::Deleting { unborn } => {
            let own = stream.shards.values().map(|shard| shard.log);
            let numbers: Vec<LogNumber> = own.chain(unborn.iter().copied()).collect();
            pause(streams).await;
            logs::delete(streams, numbers).await?;
            streams
                .propose(Command::StreamDeleted {
                    key: key.clone(),
                    uid,
                })
                .await?;
        }
    }
    Ok(Step::Moved)
}

/// Children's logs first, then the parents are sealed, then all is made visible. Between the last two the parents
/// take no records: nothing slow belongs there.
async fn step_reshard(
    streams: &Streams,
    key: &StreamKey,
    stream: &Stream,
    reshard: &Reshard,
) -> Result<(), StreamsError> {
    let born: BTreeMap<ShardIndex, LogNumber> =
        reshard.logs().map(|(birth, log)| (birth.index, log)).collect();
    let numbers: Vec<LogNumber> = born.values().copied().collect();
    logs::create(streams, numbers, stream.retention()).await?;
    pause(streams).await;
    let parents: BTreeMap<ShardIndex, LogNumber> = reshard
        .parents()
        .filter_map(|index| {
            let log = stream
                .shards
                .get(&index)
                .map(|shard| shard.log)
                .or_else(|| born.get(&index).copied())?;
            Some((index, log))
        })
        .collect();
    let parents: Vec<(ShardIndex, LogNumber)> = parents.into_iter().collect();
    let mut ends = logs::seal(streams, parents).await?;
    ends.retain(|(_, end)| *end > 0);
    let Some(first) = reshard.births.first().map(|birth| birth.index) else {
        return Ok(());
    };
    streams
        .propose(Command::Resharded {
            key: key.clone(),
            uid: stream.uid,
            first,
            ends,
        })
        .await?;
    Ok(())
}

/// As long as every transition takes at least.
pub(crate) async fn pause(streams: &Streams) {
    let transition = streams.0.settings.transition;
    if !transition.is_zero() {
        streams.0.clock.sleep(transition).await;
    }
}

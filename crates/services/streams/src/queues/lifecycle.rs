//! What a queue's phase asks for, and what retention does to queues. Every step may be repeated, and may be done by
//! several nodes.

use millrace_log::Offset;

use super::deliver::horizon;
use super::machine::Action;
use super::open::Open;
use crate::error::StreamsError;
use crate::lifecycle::pause;
use crate::service::Streams;
use crate::state::{Command, Queue, QueueCommand, QueueKey, QueuePhase, Settled, ShardIndex};

/// Does what is still to be done for a queue to rest. Says whether there was something.
pub(crate) async fn step(streams: &Streams, key: &QueueKey) -> Result<bool, StreamsError> {
    let Ok(queue) = streams.queue(key) else {
        return Ok(false);
    };
    let log = queue.log;
    let step = match &queue.phase {
        QueuePhase::Active => return Ok(false),
        QueuePhase::Creating(start) => {
            millrace_control::create(&*streams.0.log, log.id()).await?;
            let open = streams.0.queues.get(streams, key, &queue).await?;
            open.propose(&queue, Action::Begin(start.clone())).await?;
            pause(streams).await;
            Settled::Created
        }
        QueuePhase::Updating => {
            // Any command tells the queue of its new attributes; this one says nothing else.
            let open = streams.0.queues.get(streams, key, &queue).await?;
            open.propose(&queue, nothing()).await?;
            pause(streams).await;
            Settled::Updated
        }
        QueuePhase::Deleting => {
            pause(streams).await;
            streams.0.queues.close(log).await;
            let blobs = streams.0.queues.blobs.clone();
            millrace_control::delete(&*streams.0.log, log.id(), blobs).await?;
            Settled::Deleted
        }
    };
    let key = key.clone();
    streams
        .propose(Command::Queue(QueueCommand::Settled { key, step }))
        .await?;
    Ok(true)
}

/// Drops what retention took from the queues of this node, and closes those that nobody uses.
pub(crate) async fn sweep(streams: &Streams) -> Result<(), StreamsError> {
    for (log, open) in streams.0.queues.all() {
        match streams.delivering(&open.key) {
            Ok(queue) => forget(streams, &open, &queue).await?,
            // It was deleted, by another node perhaps; while it is CREATING or DELETING its step has it.
            Err(_) if streams.queue(&open.key).is_err() => streams.0.queues.close(log).await,
            Err(_) => {}
        }
    }
    streams.0.queues.close_idle(streams.0.clock.monotonic()).await;
    Ok(())
}

async fn forget(streams: &Streams, open: &Open, queue: &Queue) -> Result<(), StreamsError> {
    let view = streams.view(&queue.stream)?;
    let oldest: Vec<(ShardIndex, Option<Offset>)> = open.part.read(|state| state.oldest().collect());
    let (mut shards, mut before) = (Vec::new(), Vec::new());
    for (index, oldest) in oldest {
        let Some(shard) = view.shard(index) else {
            shards.push(index);
            continue;
        };
        let Some(oldest) = oldest else { continue };
        if let Some(kept) = horizon(streams, &view, shard).await?
            && oldest < kept
        {
            before.push((index, kept));
        }
    }
    if shards.is_empty() && before.is_empty() {
        return Ok(());
    }
    let action = Action::Drop {
        shards,
        before,
        records: Vec::new(),
    };
    open.propose(queue, action).await?;
    Ok(())
}

fn nothing() -> Action {
    Action::Drop {
        shards: Vec::new(),
        before: Vec::new(),
        records: Vec::new(),
    }
}

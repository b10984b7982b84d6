//! Lets go of what is older than retention: records by trimming, closed shards as a whole, and what queues remember of both.

use std::sync::Arc;

use millrace_base::Timestamp;
use millrace_log::LogError;

use super::logs;
use crate::error::StreamsError;
use crate::limits::{EXPIRE_SHARDS_MAX, NEXT_TOKEN_LIFE};
use crate::queues;
use crate::service::Streams;
use crate::state::{Command, EncryptionCommand, LogNumber, Phase, Shard, ShardIndex, Stream, StreamKey};

/// Looks at every stream, then waits until it is time again or retention was decreased.
pub(super) async fn run(streams: Streams) {
    loop {
        if let Err(error) = sweep(&streams).await {
            failed(&streams, "expiring shards failed, trying again later", &error);
        }
        if let Err(error) = queues::lifecycle::sweep(&streams).await {
            failed(
                &streams,
                "dropping old records from queues failed, trying again later",
                &error,
            );
        }
        streams.0.data_keys.sweep(streams.0.clock.monotonic());
        streams.0.watches.sweep(streams.0.clock.monotonic());
        tokio::select! {
            () = streams.0.clock.sleep(streams.0.settings.retention_check) => {}
            () = streams.0.retention_due.notified() => {}
        }
    }
}

/// Goes through all streams once, and deletes the logs that were left by shards expired before.
async fn sweep(streams: &Streams) -> Result<(), StreamsError> {
    let all: Vec<(StreamKey, Arc<Stream>)> = streams.0.control.read(|state| {
        state
            .streams()
            .map(|(key, stream)| (key.clone(), Arc::clone(stream)))
            .collect()
    });
    let now = streams.0.clock.now();
    for (key, stream) in all {
        if matches!(stream.phase, Phase::Creating | Phase::Deleting { .. }) {
            continue;
        }
        sweep_stream(streams, &key, &stream, stream.oldest(now)).await?;
    }
    let doomed: Vec<LogNumber> = streams
        .0
        .control
        .read(|state| state.doomed().iter().take(EXPIRE_SHARDS_MAX).copied().collect());
    if !doomed.is_empty() {
        logs::delete(streams, doomed.clone()).await?;
        streams.propose(Command::LogsDeleted { logs: doomed }).await?;
    }
    Ok(())
}

async fn sweep_stream(
    streams: &Streams,
    key: &StreamKey,
    stream: &Stream,
    horizon: Timestamp,
) -> Result<(), StreamsError> {
    // A listing under way may still name a shard; it is not listed anew once it is older than retention.
    let forgotten = horizon.minus(NEXT_TOKEN_LIFE);
    let mut expired: Vec<ShardIndex> = Vec::new();
    let mut all_trimmed = true;
    for shard in stream.shards.values() {
        if shard.is_expired(forgotten) {
            expired.push(shard.index);
        } else if let Err(error) = trim(streams, shard, horizon).await {
            all_trimmed = false;
            failed(streams, "trimming a shard failed, trying again later", &error);
        }
    }
    for shards in expired.chunks(EXPIRE_SHARDS_MAX) {
        let shards = shards.to_vec();
        streams
            .0
            .metrics
            .expired_shards
            .add(u64::try_from(shards.len()).unwrap_or_default());
        streams
            .propose(Command::ExpireShards {
                key: key.clone(),
                uid: stream.uid,
                horizon,
                shards,
            })
            .await?;
    }
    // Behind the records that needed them.
    if all_trimmed && stream.encryption.forgettable(horizon).next().is_some() {
        streams
            .propose(Command::Encryption {
                key: key.clone(),
                command: EncryptionCommand::ForgetDataKeys { uid: stream.uid },
            })
            .await?;
    }
    Ok(())
}

async fn trim(streams: &Streams, shard: &Shard, horizon: Timestamp) -> Result<(), LogError> {
    let (log, id) = (&streams.0.log, shard.log_id());
    let tail = match log.tail(id) {
        Ok(tail) => tail,
        // The stream was deleted meanwhile.
        Err(LogError::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    if tail.start == tail.end {
        return Ok(());
    }
    let before = log.offset_at(id, horizon).await?;
    if before > tail.start {
        log.trim(id, before).await?;
    }
    Ok(())
}

fn failed(streams: &Streams, what: &'static str, error: &dyn std::fmt::Display) {
    streams.0.metrics.lifecycle_errors.add(1);
    tracing::warn!(%error, "{what}");
}

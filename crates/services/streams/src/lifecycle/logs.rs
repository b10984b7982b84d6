//! The logs of many shards at once: a bounded number of calls under way, each of which may be repeated.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use millrace_log::{Log, LogError, LogOptions, Offset, Pending};

use crate::limits::{LOG_CALL_TRIES, LOG_CALLS_MAX, TRANSITION_RETRY};
use crate::service::Streams;
use crate::state::{LogNumber, ShardIndex};

/// Creates those that are not there yet.
pub(super) async fn create(
    streams: &Streams,
    logs: Vec<LogNumber>,
    retention: Duration,
) -> Result<(), LogError> {
    let calls = logs.into_iter().map(|number| {
        let streams = streams.clone();
        async move {
            match patiently(&streams, |log| log.create(number.id(), LogOptions { retention })).await {
                // Numbers are never used twice: it was created by an earlier attempt.
                Ok(()) | Err(LogError::Exists(_)) => Ok(()),
                Err(error) => Err(error),
            }
        }
    });
    stream::iter(calls)
        .buffer_unordered(LOG_CALLS_MAX)
        .try_collect()
        .await
}

/// Ends each; yields where they ended.
pub(super) async fn seal(
    streams: &Streams,
    logs: Vec<(ShardIndex, LogNumber)>,
) -> Result<Vec<(ShardIndex, Offset)>, LogError> {
    let calls = logs.into_iter().map(|(index, number)| {
        let streams = streams.clone();
        async move { Ok((index, patiently(&streams, |log| log.seal(number.id())).await?)) }
    });
    stream::iter(calls)
        .buffer_unordered(LOG_CALLS_MAX)
        .try_collect()
        .await
}

/// Deletes those that are still there.
pub(super) async fn delete(streams: &Streams, logs: Vec<LogNumber>) -> Result<(), LogError> {
    let calls = logs.into_iter().map(|number| {
        let streams = streams.clone();
        async move {
            match patiently(&streams, |log| log.delete(number.id())).await {
                Ok(()) | Err(LogError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        }
    });
    stream::iter(calls)
        .buffer_unordered(LOG_CALLS_MAX)
        .try_collect()
        .await
}

/// Repeats a call that an overloaded engine refuses. One call at a time is repeated and not the whole transition:
/// among thousands of logs there would always be one that fails.
async fn patiently<T>(streams: &Streams, call: impl Fn(&dyn Log) -> Pending<T>) -> Result<T, LogError> {
    for _ in 1..LOG_CALL_TRIES {
        match call(&*streams.0.log).await {
            Err(LogError::Overloaded(_)) => {
                streams.0.metrics.lifecycle_errors.add(1);
                streams.0.clock.sleep(TRANSITION_RETRY).await;
            }
            other => return other,
        }
    }
    call(&*streams.0.log).await
}

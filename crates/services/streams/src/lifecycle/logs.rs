//! The logs of many shards at once: a bounded number of calls under way, each of which may be repeated.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use millrace_log::{Log, LogError, LogOptions, Offset};

use crate::limits::LOG_CALLS_MAX;
use crate::state::{LogNumber, ShardIndex};

/// Creates those that are not there yet.
pub(super) async fn create(log: &dyn Log, logs: Vec<LogNumber>, retention: Duration) -> Result<(), LogError> {
    let calls = logs.into_iter().map(|number| {
        let call = log.create(number.id(), LogOptions { retention });
        async move {
            match call.await {
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
    log: &dyn Log,
    logs: Vec<(ShardIndex, LogNumber)>,
) -> Result<Vec<(ShardIndex, Offset)>, LogError> {
    let calls = logs.into_iter().map(|(index, number)| {
        let call = log.seal(number.id());
        async move { Ok((index, call.await?)) }
    });
    stream::iter(calls)
        .buffer_unordered(LOG_CALLS_MAX)
        .try_collect()
        .await
}

/// Deletes those that are still there.
pub(super) async fn delete(log: &dyn Log, logs: Vec<LogNumber>) -> Result<(), LogError> {
    let calls = logs.into_iter().map(|number| {
        let call = log.delete(number.id());
        async move {
            match call.await {
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

//! How long records stay, and what goes with them.

use millrace_base::Timestamp;

use super::{Changed, Outcome, RetentionChange, ShardIndex, StreamKey, StreamUid, StreamsState};
use crate::error::StreamsError;
use crate::limits::{RETENTION_HOURS_MAX, RETENTION_HOURS_MIN};

impl StreamsState {
    pub(super) fn set_retention(&mut self, key: &StreamKey, hours: u32, change: RetentionChange) -> Outcome {
        let stream = self.active_mut(key)?;
        let existing = stream.retention_hours;
        if hours < RETENTION_HOURS_MIN {
            return Err(StreamsError::RetentionTooShort(i64::from(hours)));
        }
        if hours > RETENTION_HOURS_MAX {
            return Err(StreamsError::RetentionTooLong(i64::from(hours)));
        }
        match change {
            RetentionChange::Increase if hours < existing => {
                return Err(StreamsError::RetentionNotIncreased {
                    key: key.clone(),
                    asked: hours,
                    existing,
                });
            }
            RetentionChange::Decrease if hours > existing => {
                return Err(StreamsError::RetentionNotDecreased {
                    key: key.clone(),
                    asked: hours,
                    existing,
                });
            }
            RetentionChange::Increase | RetentionChange::Decrease => stream.retention_hours = hours,
        }
        Ok(Changed::Done)
    }

    /// Removes those of `shards` that were closed at `horizon` or before; their logs wait to be deleted.
    pub(super) fn expire_shards(
        &mut self,
        key: &StreamKey,
        uid: StreamUid,
        horizon: Timestamp,
        shards: &[ShardIndex],
    ) -> Outcome {
        let Some(stream) = self.stream_mut(key) else {
            return Ok(Changed::Done);
        };
        // A stream that is deleted takes all its logs along itself.
        if stream.uid != uid || matches!(stream.phase, super::Phase::Deleting { .. }) {
            return Ok(Changed::Done);
        }
        let mut logs = Vec::new();
        for index in shards {
            let expired = stream
                .shards
                .get(index)
                .and_then(|shard| shard.closed)
                .is_some_and(|closed| closed.at <= horizon);
            if expired {
                logs.extend(stream.shards.remove(index).map(|shard| shard.log));
            }
        }
        self.doomed.extend(logs);
        Ok(Changed::Done)
    }
}

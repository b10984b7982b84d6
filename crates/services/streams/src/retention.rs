//! What Increase- and DecreaseStreamRetentionPeriod share.

use crate::error::StreamsError;
use crate::limits::{RETENTION_HOURS_MAX, RETENTION_HOURS_MIN};
use crate::service::Streams;
use crate::state::{Command, RetentionChange, StreamKey};

/// Changes a stream's retention; a shorter one is enforced at once.
pub(crate) async fn set(
    streams: &Streams,
    key: StreamKey,
    hours: i32,
    change: RetentionChange,
) -> Result<(), StreamsError> {
    let asked = i64::from(hours);
    if asked < i64::from(RETENTION_HOURS_MIN) {
        return Err(StreamsError::RetentionTooShort(asked));
    }
    if asked > i64::from(RETENTION_HOURS_MAX) {
        return Err(StreamsError::RetentionTooLong(asked));
    }
    // Within bounds, so it is not negative.
    let hours = hours.unsigned_abs();
    streams
        .propose(Command::SetRetention { key, hours, change })
        .await?;
    if change == RetentionChange::Decrease {
        streams.0.retention_due.notify_one();
    }
    Ok(())
}

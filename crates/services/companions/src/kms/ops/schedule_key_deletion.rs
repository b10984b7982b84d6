//! ScheduleKeyDeletion: the key is out of use at once, and gone for ever when its wait is over.

use std::time::Duration;

use millrace_api::kms::{ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse};
use millrace_wire::Reply;

use crate::kms::limits::WAIT_DAYS;
use crate::kms::{Asked, KmsError, metadata};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn call(asked: &Asked<'_>) -> Result<Reply, KmsError> {
    let input: ScheduleKeyDeletionRequest = asked.input()?;
    let key = asked.key_by_id(&input.key_id)?;
    let (least, usual, most) = WAIT_DAYS;
    let days = input.pending_window_in_days.unwrap_or(usual);
    if !(least..=most).contains(&days) {
        return Err(KmsError::Invalid(format!(
            "PendingWindowInDays must be between {least} and {most}"
        )));
    }
    let wait = DAY.saturating_mul(days.unsigned_abs());
    let info = asked.keys.schedule_deletion(&asked.realm, &key, wait)?;
    asked.answer(ScheduleKeyDeletionResponse {
        key_id: Some(info.name),
        deletion_date: info.deletion.map(metadata::millis),
        key_state: Some(metadata::state(info.state)),
        pending_window_in_days: Some(days),
    })
}

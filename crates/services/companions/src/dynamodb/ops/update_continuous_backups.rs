//! UpdateContinuousBackups. That recovery is wanted is remembered and told; there is nothing that restores a table,
//! whose durability is that of the control plane.

use std::time::Duration;

use millrace_api::dynamodb::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, PointInTimeRecoveryDescription,
    PointInTimeRecoveryStatus, UpdateContinuousBackupsInput, UpdateContinuousBackupsOutput,
};
use millrace_base::Timestamp;
use millrace_wire::Caller;

use crate::dynamodb::Dynamodb;
use crate::dynamodb::answer::millis;
use crate::dynamodb::error::DynamodbError;
use crate::dynamodb::request;
use crate::dynamodb::state::{Command, Recovery, Refusal};

/// How long back a table can be restored unless told otherwise, in days.
const DAYS: i32 = 35;

pub(super) async fn call(
    dynamodb: &Dynamodb,
    caller: &Caller,
    input: UpdateContinuousBackupsInput,
) -> Result<UpdateContinuousBackupsOutput, DynamodbError> {
    let key = request::table_key(caller, &input.table_name)?;
    let wanted = input.point_in_time_recovery_specification;
    let days = u32::try_from(wanted.recovery_period_in_days.unwrap_or(DAYS)).unwrap_or_default();
    let name = key.name.clone();
    let command = Command::SetRecovery {
        key,
        days: wanted.point_in_time_recovery_enabled.then_some(days),
    };
    let table = dynamodb
        .change_table(command)
        .await
        .map_err(|error| match error {
            DynamodbError::Refused(Refusal::TableNotFound) => DynamodbError::BackupTableNotFound(name),
            other => other,
        })?;
    Ok(UpdateContinuousBackupsOutput {
        continuous_backups_description: Some(ContinuousBackupsDescription {
            continuous_backups_status: ContinuousBackupsStatus::Enabled,
            point_in_time_recovery_description: Some(describe(
                table.definition.recovery,
                dynamodb.clock().now(),
            )),
        }),
    })
}

fn describe(recovery: Option<Recovery>, now: Timestamp) -> PointInTimeRecoveryDescription {
    let Some(Recovery { days, since }) = recovery else {
        return PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Disabled),
            ..PointInTimeRecoveryDescription::default()
        };
    };
    let back = Duration::from_secs(u64::from(days) * 24 * 3600).as_millis();
    let earliest = Timestamp(now.0.saturating_sub(u64::try_from(back).unwrap_or(u64::MAX)));
    PointInTimeRecoveryDescription {
        point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Enabled),
        recovery_period_in_days: Some(i32::try_from(days).unwrap_or(DAYS)),
        earliest_restorable_date_time: Some(millis(earliest.max(since))),
        latest_restorable_date_time: Some(millis(now)),
    }
}

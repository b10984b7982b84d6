//! RequestServiceQuotaIncrease: granted at once.

use millrace_api::service_quotas::{
    AppliedLevelEnum, RequestServiceQuotaIncreaseRequest, RequestServiceQuotaIncreaseResponse, RequestStatus,
    RequestedServiceQuotaChange,
};
use millrace_api::value::EpochMillis;
use millrace_wire::{ApiError, Caller};

use crate::quotas::{KINESIS, KINESIS_NAME, ServiceQuotas, UNIT, arn, find};

pub(crate) async fn call(
    service: &ServiceQuotas,
    caller: &Caller,
    input: &RequestServiceQuotaIncreaseRequest,
) -> Result<RequestServiceQuotaIncreaseResponse, ApiError> {
    let quota = find(&input.service_code, &input.quota_code)?;
    let value = whole(input.desired_value)?;
    service
        .streams
        .set_quota(&caller.account, &caller.region, quota, value)
        .await
        .map_err(|error| match ApiError::from(error) {
            error if error.code == "InvalidArgumentException" => {
                ApiError::client("IllegalArgumentException", error.message)
            }
            error => error,
        })?;
    let now = EpochMillis(i64::try_from(service.clock.now().0).unwrap_or(i64::MAX));
    Ok(RequestServiceQuotaIncreaseResponse {
        requested_quota: Some(RequestedServiceQuotaChange {
            id: Some(caller.request_id.clone()),
            request_type: None,
            case_id: None,
            service_code: Some(KINESIS.to_owned()),
            service_name: Some(KINESIS_NAME.to_owned()),
            quota_code: Some(quota.code.to_owned()),
            quota_name: Some(quota.name.to_owned()),
            desired_value: Some(f64::from(value)),
            status: Some(RequestStatus::Approved),
            created: Some(now),
            last_updated: Some(now),
            requester: Some(caller.principal().to_owned()),
            quota_arn: Some(arn(caller, quota)),
            global_quota: Some(false),
            unit: Some(UNIT.to_owned()),
            quota_requested_at_level: Some(AppliedLevelEnum::Account),
            quota_context: None,
        }),
    })
}

/// Quotas count things.
fn whole(value: f64) -> Result<u32, ApiError> {
    // The text of a whole number has no point, and none of the others parses.
    let whole: Option<u32> = value.to_string().parse().ok();
    whole.ok_or_else(|| {
        let text = format!(
            "DesiredValue must be a whole number from 0 to {}; the request has {value}.",
            u32::MAX
        );
        ApiError::client("IllegalArgumentException", text)
    })
}

//! GetAWSDefaultServiceQuota: what the profile gives.

use millrace_api::service_quotas::{GetAWSDefaultServiceQuotaRequest, GetAWSDefaultServiceQuotaResponse};
use millrace_wire::{ApiError, Caller};

use crate::quotas::{ServiceQuotas, find, shape};

pub(crate) fn call(
    service: &ServiceQuotas,
    caller: &Caller,
    input: &GetAWSDefaultServiceQuotaRequest,
) -> Result<GetAWSDefaultServiceQuotaResponse, ApiError> {
    let quota = find(&input.service_code, &input.quota_code)?;
    let defaults = service.streams.default_quotas(&caller.region);
    Ok(GetAWSDefaultServiceQuotaResponse {
        quota: Some(shape(caller, quota, &defaults)),
    })
}

//! GetServiceQuota: what the account has.

use millrace_api::service_quotas::{GetServiceQuotaRequest, GetServiceQuotaResponse};
use millrace_wire::{ApiError, Caller};

use crate::quotas::{ServiceQuotas, find, shape};

pub(crate) fn call(
    service: &ServiceQuotas,
    caller: &Caller,
    input: &GetServiceQuotaRequest,
) -> Result<GetServiceQuotaResponse, ApiError> {
    let quota = find(&input.service_code, &input.quota_code)?;
    let applied = service.streams.quotas(&caller.account, &caller.region);
    Ok(GetServiceQuotaResponse {
        quota: Some(shape(caller, quota, &applied)),
    })
}

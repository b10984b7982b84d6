//! ListAWSDefaultServiceQuotas: all of them, as the profile gives them; there is one page.

use millrace_api::service_quotas::{ListAWSDefaultServiceQuotasRequest, ListAWSDefaultServiceQuotasResponse};
use millrace_streams::quotas::QUOTAS;
use millrace_wire::{ApiError, Caller};

use crate::quotas::{ServiceQuotas, hold_service, shape};

pub(crate) fn call(
    service: &ServiceQuotas,
    caller: &Caller,
    input: &ListAWSDefaultServiceQuotasRequest,
) -> Result<ListAWSDefaultServiceQuotasResponse, ApiError> {
    hold_service(&input.service_code)?;
    let defaults = service.streams.default_quotas(&caller.region);
    let quotas = QUOTAS.iter().map(|quota| shape(caller, quota, &defaults));
    Ok(ListAWSDefaultServiceQuotasResponse {
        next_token: None,
        quotas: Some(quotas.collect()),
    })
}

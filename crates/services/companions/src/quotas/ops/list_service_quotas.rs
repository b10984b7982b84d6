//! ListServiceQuotas: all of them, as the account has them; there is one page.

use millrace_api::service_quotas::{ListServiceQuotasRequest, ListServiceQuotasResponse};
use millrace_streams::quotas::QUOTAS;
use millrace_wire::{ApiError, Caller};

use crate::quotas::{ServiceQuotas, hold_service, shape};

pub(crate) fn call(
    service: &ServiceQuotas,
    caller: &Caller,
    input: &ListServiceQuotasRequest,
) -> Result<ListServiceQuotasResponse, ApiError> {
    hold_service(&input.service_code)?;
    let applied = service.streams.quotas(&caller.account, &caller.region);
    let wanted = |code: &str| input.quota_code.as_deref().is_none_or(|only| only == code);
    let quotas = QUOTAS.iter().filter(|quota| wanted(quota.code));
    Ok(ListServiceQuotasResponse {
        next_token: None,
        quotas: Some(quotas.map(|quota| shape(caller, quota, &applied)).collect()),
    })
}

//! GetCallerIdentity

use millrace_api::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse};
use millrace_wire::{ApiError, Caller};

/// Account and identity of the caller.
pub(super) fn call(
    caller: &Caller,
    GetCallerIdentityRequest {}: GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse, ApiError> {
    Ok(GetCallerIdentityResponse {
        user_id: Some(caller.identity.user_id().to_owned()),
        account: Some(caller.account.clone()),
        arn: Some(caller.principal().to_owned()),
    })
}

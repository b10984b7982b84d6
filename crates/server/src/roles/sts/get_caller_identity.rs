//! GetCallerIdentity

use millrace_api::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse};
use millrace_wire::{ApiError, Caller};

/// Account and identity of the caller. The id of an account's root is the account itself.
pub(super) fn call(
    caller: &Caller,
    GetCallerIdentityRequest {}: GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse, ApiError> {
    Ok(GetCallerIdentityResponse {
        user_id: Some(caller.account.clone()),
        account: Some(caller.account.clone()),
        arn: Some(caller.principal.clone()),
    })
}

//! GetCallerIdentity.

use millrace_api::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse};
use millrace_wire::Caller;

/// No permission is needed for it, and none can be denied (API GetCallerIdentity).
pub(super) fn call(
    caller: &Caller,
    GetCallerIdentityRequest {}: GetCallerIdentityRequest,
) -> GetCallerIdentityResponse {
    GetCallerIdentityResponse {
        user_id: Some(caller.identity.user_id().to_owned()),
        account: Some(caller.account.clone()),
        arn: Some(caller.principal().to_owned()),
    }
}

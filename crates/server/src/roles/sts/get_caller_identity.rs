//! GetCallerIdentity

use millrace_wire::Caller;

use super::{NAMESPACE, escape};

/// Account and identity of the caller.
pub(super) fn body(caller: &Caller, json: bool) -> String {
    let Caller {
        account, request_id, ..
    } = caller;
    let (principal, user) = (caller.principal(), caller.identity.user_id());
    if json {
        serde_json::json!({"GetCallerIdentityResponse": {
            "GetCallerIdentityResult": {"Account": account, "Arn": principal, "UserId": user},
            "ResponseMetadata": {"RequestId": request_id},
        }})
        .to_string()
    } else {
        format!(
            "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\n  <GetCallerIdentityResult>\n    \
                 <Arn>{}</Arn>\n    <UserId>{user}</UserId>\n    <Account>{account}</Account>\n  \
                 </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  \
                 </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
            escape(principal)
        )
    }
}

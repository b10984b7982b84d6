//! GetCallerIdentity

use millrace_wire::Caller;

use super::{NAMESPACE, escape};

/// Account and identity of the caller.
pub(super) fn body(caller: &Caller, json: bool) -> String {
    let Caller {
        account,
        principal,
        request_id,
        ..
    } = caller;
    // The id of an account's root is the account itself.
    if json {
        serde_json::json!({"GetCallerIdentityResponse": {
            "GetCallerIdentityResult": {"Account": account, "Arn": principal, "UserId": account},
            "ResponseMetadata": {"RequestId": request_id},
        }})
        .to_string()
    } else {
        format!(
            "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\n  <GetCallerIdentityResult>\n    \
                 <Arn>{}</Arn>\n    <UserId>{account}</UserId>\n    <Account>{account}</Account>\n  \
                 </GetCallerIdentityResult>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  \
                 </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
            escape(principal)
        )
    }
}

//! AssumeRole.

use millrace_api::sts::{AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser};
use millrace_wire::access::Target;
use millrace_wire::policy::{Kind, Policy, Principal};
use millrace_wire::{ApiError, Caller, Identity};

use super::{claims, issue, passed, refuse, seconds};
use crate::error::AccessError;
use crate::identities::{SessionOf, full_name};
use crate::limits::SESSION_SECS;
use crate::service::Access;
use crate::state::{Holder, Of};

/// A role by its ARN.
struct Asked {
    account: String,
    name: String,
    holder: Holder,
}

fn role(access: &Access, arn: &str) -> Option<Asked> {
    let (account, full) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    let name = full.rsplit('/').next()?;
    access.read(|state| {
        let holder = state.holder(account, Of::Role, name).ok()?;
        (full_name(holder, name) == full).then(|| Asked {
            account: account.to_owned(),
            name: name.to_owned(),
            holder: holder.clone(),
        })
    })
}

pub(super) async fn call(
    access: &Access,
    caller: &Caller,
    input: AssumeRoleRequest,
) -> Result<AssumeRoleResponse, AccessError> {
    let arn = input.role_arn;
    let asked = role(access, &arn);
    let own = asked.as_ref().and_then(|asked| asked.holder.role.as_ref());
    // A role that is not there is refused in the same words as one that may not be assumed.
    let nobody = Policy::deny_everything();
    let trust = own
        .and_then(|own| Policy::parse(&own.trust, Kind::Trust).ok())
        .unwrap_or(nobody);
    let account = arn.split(':').nth(4).unwrap_or_default();
    let mut keys = vec![("sts:rolesessionname", &*input.role_session_name)];
    keys.extend(input.external_id.as_deref().map(|id| ("sts:externalid", id)));
    let refused = caller.authorize(&Target {
        policy: Some(&trust),
        keys: &keys,
        ..Target::new(account, &|| arn.clone())
    });
    if refused.is_err() {
        return Err(AccessError::Wire(
            ApiError::client(
                "AccessDenied",
                format!(
                    "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
                    caller.principal()
                ),
            )
            .with_status(403),
        ));
    }
    let (Some(asked), true) = (asked.as_ref(), own.is_some()) else {
        return Err(ApiError::internal("a role that is not there let somebody in").into());
    };
    refuse(&[
        ("Tags", input.tags.is_some_and(|tags| !tags.is_empty())),
        ("TransitiveTagKeys", input.transitive_tag_keys.is_some()),
        ("SourceIdentity", input.source_identity.is_some()),
        ("ProvidedContexts", input.provided_contexts.is_some()),
        ("SerialNumber", input.serial_number.is_some()),
        ("TokenCode", input.token_code.is_some()),
    ])?;
    // A role that assumes a role does so for an hour at most (IAM User Guide, "Role chaining").
    let chained = matches!(caller.identity.principal(), Principal::AssumedRole { .. });
    let most = if chained {
        SESSION_SECS
    } else {
        own.map_or(SESSION_SECS, |own| own.max_secs)
    };
    let secs = seconds(input.duration_seconds, SESSION_SECS.min(most), most)?;
    let arns = input
        .policy_arns
        .unwrap_or_default()
        .into_iter()
        .filter_map(|policy| policy.arn);
    let policies = passed(access, &asked.account, input.policy, arns)?;
    let claims = claims(
        access,
        asked.account.clone(),
        secs,
        policies,
        SessionOf::Role {
            name: asked.name.clone(),
            id: asked.holder.id.clone(),
            session: input.role_session_name.clone(),
        },
    );
    let principal = Principal::AssumedRole {
        account: asked.account.clone(),
        role: asked.name.clone(),
        session: input.role_session_name.clone(),
    };
    let id = format!("{}:{}", asked.holder.id, input.role_session_name);
    Ok(AssumeRoleResponse {
        assumed_role_user: Some(AssumedRoleUser {
            arn: Identity::new(principal, &*id).arn().to_owned(),
            assumed_role_id: id,
        }),
        credentials: Some(issue(access, claims).await?),
        ..AssumeRoleResponse::default()
    })
}

//! Roles.

use millrace_api::iam::{
    CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest, GetRoleRequest, GetRoleResponse,
    ListRolesRequest, ListRolesResponse, UpdateAssumeRolePolicyRequest,
};
use millrace_wire::Caller;
use millrace_wire::policy::Kind;

use super::{arn, check, check_new, hold_policy, no_boundary, page, path, shapes, tags};
use crate::error::AccessError;
use crate::limits::{ROLE_SECS, SESSION_SECS};
use crate::service::Access;
use crate::state::{Command, Holder, Of, Role};

/// `AROA…`
const PREFIX: &str = "AROA";

pub(super) async fn create(
    access: &Access,
    caller: &Caller,
    input: CreateRoleRequest,
) -> Result<CreateRoleResponse, AccessError> {
    let (path, tags, name) = (path(input.path)?, tags(input.tags)?, input.role_name);
    let full = format!("{}{name}", path.trim_start_matches('/'));
    check_new(caller, &arn(&caller.account, Of::Role, &full), &tags)?;
    no_boundary(input.permissions_boundary.as_ref())?;
    hold_policy(&input.assume_role_policy_document, Kind::Trust)?;
    let max_secs = input.max_session_duration.unwrap_or(SESSION_SECS);
    if !ROLE_SECS.contains(&max_secs) {
        return Err(AccessError::Invalid(format!(
            "MaxSessionDuration {max_secs} must be between {} and {} seconds.",
            ROLE_SECS.start(),
            ROLE_SECS.end()
        )));
    }
    let holder = Holder {
        path,
        id: access.id(PREFIX),
        created: access.0.deps.clock.now(),
        tags: tags.into_iter().collect(),
        inline: std::collections::BTreeMap::new(),
        attached: std::collections::BTreeSet::new(),
        role: Some(Role {
            trust: input.assume_role_policy_document,
            description: input.description.unwrap_or_default(),
            max_secs,
        }),
    };
    let role = shapes::role(&caller.account, &name, &holder);
    access
        .propose(Command::Create {
            account: caller.account.clone(),
            of: Of::Role,
            name,
            holder: Box::new(holder),
        })
        .await?;
    Ok(CreateRoleResponse { role })
}

pub(super) async fn get(
    access: &Access,
    caller: &Caller,
    input: GetRoleRequest,
) -> Result<GetRoleResponse, AccessError> {
    check(access, caller, Of::Role, &input.role_name)?;
    access.read(|state| {
        let holder = state.holder(&caller.account, Of::Role, &input.role_name)?;
        Ok(GetRoleResponse {
            role: shapes::role(&caller.account, &input.role_name, holder),
        })
    })
}

pub(super) async fn list(
    access: &Access,
    caller: &Caller,
    input: ListRolesRequest,
) -> Result<ListRolesResponse, AccessError> {
    check(access, caller, Of::Role, "*")?;
    let prefix = input.path_prefix.unwrap_or_default();
    Ok(access.read(|state| {
        let roles = state
            .account(&caller.account)
            .into_iter()
            .flat_map(|account| &account.roles);
        let roles = roles.filter(|(_, holder)| holder.path.starts_with(&prefix));
        let (found, marker) = page(roles, input.marker.as_deref(), input.max_items);
        ListRolesResponse {
            roles: found
                .into_iter()
                .map(|(name, holder)| shapes::role(&caller.account, name, holder))
                .collect(),
            is_truncated: Some(marker.is_some()),
            marker,
        }
    }))
}

pub(super) async fn delete(
    access: &Access,
    caller: &Caller,
    input: DeleteRoleRequest,
) -> Result<(), AccessError> {
    check(access, caller, Of::Role, &input.role_name)?;
    access
        .propose(Command::Delete {
            account: caller.account.clone(),
            of: Of::Role,
            name: input.role_name,
        })
        .await
}

pub(super) async fn update_trust(
    access: &Access,
    caller: &Caller,
    input: UpdateAssumeRolePolicyRequest,
) -> Result<(), AccessError> {
    check(access, caller, Of::Role, &input.role_name)?;
    hold_policy(&input.policy_document, Kind::Trust)?;
    access
        .propose(Command::SetTrust {
            account: caller.account.clone(),
            name: input.role_name,
            text: input.policy_document,
        })
        .await
}

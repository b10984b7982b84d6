//! Policies of a user's or role's own.

use millrace_api::iam as api;
use millrace_wire::policy::Kind;
use millrace_wire::{Caller, percent};

use super::{check, hold_policy, page};
use crate::error::AccessError;
use crate::service::Access;
use crate::state::{Command, Of, no_inline};

async fn set(
    access: &Access,
    caller: &Caller,
    (of, name): (Of, String),
    policy: String,
    text: Option<String>,
) -> Result<(), AccessError> {
    check(access, caller, of, &name)?;
    if let Some(text) = &text {
        hold_policy(text, Kind::Identity)?;
    }
    access
        .propose(Command::SetInline {
            account: caller.account.clone(),
            of,
            name,
            policy,
            text,
        })
        .await
}

fn get(
    access: &Access,
    caller: &Caller,
    (of, name): (Of, &str),
    policy: &str,
) -> Result<String, AccessError> {
    check(access, caller, of, name)?;
    access.read(|state| {
        let holder = state.holder(&caller.account, of, name)?;
        let text = holder
            .inline
            .get(policy)
            .ok_or_else(|| no_inline(of, name, policy))?;
        Ok(percent::encode(text).to_string())
    })
}

type Listed = (Vec<String>, Option<String>);

fn list(
    access: &Access,
    caller: &Caller,
    (of, name): (Of, &str),
    (marker, most): (Option<&str>, Option<i32>),
) -> Result<Listed, AccessError> {
    check(access, caller, of, name)?;
    access.read(|state| {
        let holder = state.holder(&caller.account, of, name)?;
        let (found, next) = page(holder.inline.iter(), marker, most);
        Ok((found.into_iter().map(|(name, _)| name.clone()).collect(), next))
    })
}

pub(super) async fn put_user(
    access: &Access,
    caller: &Caller,
    input: api::PutUserPolicyRequest,
) -> Result<(), AccessError> {
    let (name, text) = (input.user_name, input.policy_document);
    set(access, caller, (Of::User, name), input.policy_name, Some(text)).await
}

pub(super) async fn put_role(
    access: &Access,
    caller: &Caller,
    input: api::PutRolePolicyRequest,
) -> Result<(), AccessError> {
    let (name, text) = (input.role_name, input.policy_document);
    set(access, caller, (Of::Role, name), input.policy_name, Some(text)).await
}

pub(super) async fn delete_user(
    access: &Access,
    caller: &Caller,
    input: api::DeleteUserPolicyRequest,
) -> Result<(), AccessError> {
    set(
        access,
        caller,
        (Of::User, input.user_name),
        input.policy_name,
        None,
    )
    .await
}

pub(super) async fn delete_role(
    access: &Access,
    caller: &Caller,
    input: api::DeleteRolePolicyRequest,
) -> Result<(), AccessError> {
    set(
        access,
        caller,
        (Of::Role, input.role_name),
        input.policy_name,
        None,
    )
    .await
}

pub(super) async fn get_user(
    access: &Access,
    caller: &Caller,
    input: api::GetUserPolicyRequest,
) -> Result<api::GetUserPolicyResponse, AccessError> {
    Ok(api::GetUserPolicyResponse {
        policy_document: get(access, caller, (Of::User, &input.user_name), &input.policy_name)?,
        user_name: input.user_name,
        policy_name: input.policy_name,
    })
}

pub(super) async fn get_role(
    access: &Access,
    caller: &Caller,
    input: api::GetRolePolicyRequest,
) -> Result<api::GetRolePolicyResponse, AccessError> {
    Ok(api::GetRolePolicyResponse {
        policy_document: get(access, caller, (Of::Role, &input.role_name), &input.policy_name)?,
        role_name: input.role_name,
        policy_name: input.policy_name,
    })
}

pub(super) async fn list_user(
    access: &Access,
    caller: &Caller,
    input: api::ListUserPoliciesRequest,
) -> Result<api::ListUserPoliciesResponse, AccessError> {
    let paging = (input.marker.as_deref(), input.max_items);
    let (policy_names, marker) = list(access, caller, (Of::User, &input.user_name), paging)?;
    Ok(api::ListUserPoliciesResponse {
        policy_names,
        is_truncated: Some(marker.is_some()),
        marker,
    })
}

pub(super) async fn list_role(
    access: &Access,
    caller: &Caller,
    input: api::ListRolePoliciesRequest,
) -> Result<api::ListRolePoliciesResponse, AccessError> {
    let paging = (input.marker.as_deref(), input.max_items);
    let (policy_names, marker) = list(access, caller, (Of::Role, &input.role_name), paging)?;
    Ok(api::ListRolePoliciesResponse {
        policy_names,
        is_truncated: Some(marker.is_some()),
        marker,
    })
}

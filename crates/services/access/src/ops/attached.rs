//! Managed policies that are attached to users and roles.

use millrace_api::iam as api;
use millrace_wire::Caller;

use super::{check, check_with};
use crate::error::AccessError;
use crate::managed;
use crate::service::Access;
use crate::state::{Command, Of};

async fn set(
    access: &Access,
    caller: &Caller,
    (of, name): (Of, String),
    arn: String,
    attach: bool,
) -> Result<(), AccessError> {
    // IAM's own condition key says which policies may be given out.
    check_with(access, caller, (of, &name), &[("iam:policyarn", &*arn)])?;
    if attach {
        access.read(|state| managed::document(state, &caller.account, &arn).map(drop))?;
    }
    access
        .propose(Command::Attach {
            account: caller.account.clone(),
            of,
            name,
            arn,
            attach,
        })
        .await
}

/// No more than fit a page can be attached.
fn list(
    access: &Access,
    caller: &Caller,
    (of, name): (Of, &str),
) -> Result<Vec<api::AttachedPolicy>, AccessError> {
    check(access, caller, of, name)?;
    access.read(|state| {
        let holder = state.holder(&caller.account, of, name)?;
        let attached = holder.attached.iter().map(|arn| api::AttachedPolicy {
            policy_name: managed::parts(arn).map(|(_, _, name)| name.to_owned()),
            policy_arn: Some(arn.clone()),
        });
        Ok(attached.collect())
    })
}

pub(super) async fn attach_user(
    access: &Access,
    caller: &Caller,
    input: api::AttachUserPolicyRequest,
) -> Result<(), AccessError> {
    set(
        access,
        caller,
        (Of::User, input.user_name),
        input.policy_arn,
        true,
    )
    .await
}

pub(super) async fn attach_role(
    access: &Access,
    caller: &Caller,
    input: api::AttachRolePolicyRequest,
) -> Result<(), AccessError> {
    set(
        access,
        caller,
        (Of::Role, input.role_name),
        input.policy_arn,
        true,
    )
    .await
}

pub(super) async fn detach_user(
    access: &Access,
    caller: &Caller,
    input: api::DetachUserPolicyRequest,
) -> Result<(), AccessError> {
    set(
        access,
        caller,
        (Of::User, input.user_name),
        input.policy_arn,
        false,
    )
    .await
}

pub(super) async fn detach_role(
    access: &Access,
    caller: &Caller,
    input: api::DetachRolePolicyRequest,
) -> Result<(), AccessError> {
    set(
        access,
        caller,
        (Of::Role, input.role_name),
        input.policy_arn,
        false,
    )
    .await
}

pub(super) async fn list_user(
    access: &Access,
    caller: &Caller,
    input: api::ListAttachedUserPoliciesRequest,
) -> Result<api::ListAttachedUserPoliciesResponse, AccessError> {
    Ok(api::ListAttachedUserPoliciesResponse {
        attached_policies: Some(list(access, caller, (Of::User, &input.user_name))?),
        is_truncated: Some(false),
        marker: None,
    })
}

pub(super) async fn list_role(
    access: &Access,
    caller: &Caller,
    input: api::ListAttachedRolePoliciesRequest,
) -> Result<api::ListAttachedRolePoliciesResponse, AccessError> {
    Ok(api::ListAttachedRolePoliciesResponse {
        attached_policies: Some(list(access, caller, (Of::Role, &input.role_name))?),
        is_truncated: Some(false),
        marker: None,
    })
}

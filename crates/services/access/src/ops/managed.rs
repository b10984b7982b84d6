//! Managed policies. A policy has one version: who wants another one makes another policy.

use millrace_api::iam::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest, GetPolicyResponse,
    GetPolicyVersionRequest, GetPolicyVersionResponse, ListPoliciesRequest, ListPoliciesResponse, Policy,
    PolicyScopeType, PolicyVersion,
};
use millrace_wire::access::Target;
use millrace_wire::limits::POLICY_MANAGED_CHARS_MAX;
use millrace_wire::policy::{self, Kind};
use millrace_wire::{Caller, percent};

use super::{check_new, hold_policy, page, path, shapes, tags};
use crate::error::AccessError;
use crate::managed;
use crate::service::Access;
use crate::state::{AccessState, Command, Managed};

/// `ANPA…`
const PREFIX: &str = "ANPA";

fn check(caller: &Caller, arn: &str) -> Result<(), AccessError> {
    caller.authorize(&Target::new(&caller.account, &|| arn.to_owned()))?;
    Ok(())
}

/// How many users and roles have it.
fn attached(state: &AccessState, account: &str, arn: &str) -> usize {
    let account = state.account(account).into_iter();
    let holders = account.flat_map(|account| account.users.values().chain(account.roles.values()));
    holders.filter(|holder| holder.attached.contains(arn)).count()
}

pub(super) async fn create(
    access: &Access,
    caller: &Caller,
    input: CreatePolicyRequest,
) -> Result<CreatePolicyResponse, AccessError> {
    let (path, tags, name) = (path(input.path)?, tags(input.tags)?, input.policy_name);
    check_new(caller, &managed::arn(&caller.account, &path, &name), &tags)?;
    hold_policy(&input.policy_document, Kind::Identity)?;
    let chars = policy::chars(&input.policy_document);
    if chars > POLICY_MANAGED_CHARS_MAX {
        return Err(AccessError::LimitExceeded(format!(
            "Cannot exceed quota for PolicySize: {POLICY_MANAGED_CHARS_MAX}; the policy has {chars} characters that are \
             no white space."
        )));
    }
    let policy = Managed {
        path,
        id: access.id(PREFIX),
        description: input.description.unwrap_or_default(),
        created: access.0.deps.clock.now(),
        text: input.policy_document,
        tags: tags.into_iter().collect(),
    };
    let told = shapes::policy(&caller.account, &name, &policy, 0);
    access
        .propose(Command::CreatePolicy {
            account: caller.account.clone(),
            name,
            policy: Box::new(policy),
        })
        .await?;
    Ok(CreatePolicyResponse { policy: Some(told) })
}

pub(super) async fn get(
    access: &Access,
    caller: &Caller,
    input: GetPolicyRequest,
) -> Result<GetPolicyResponse, AccessError> {
    let arn = input.policy_arn;
    check(caller, &arn)?;
    let policy = access.read(|state| {
        if let Some((name, _)) = managed::built_in().find(|(_, known)| *known == arn) {
            return Ok(built_in(name, &arn, attached(state, &caller.account, &arn)));
        }
        let (name, policy) = managed::own(state, &caller.account, &arn)?;
        let attached = attached(state, &caller.account, &arn);
        Ok::<_, AccessError>(shapes::policy(&caller.account, name, policy, attached))
    })?;
    Ok(GetPolicyResponse { policy: Some(policy) })
}

fn built_in(name: &str, arn: &str, attached: usize) -> Policy {
    Policy {
        policy_name: Some(name.to_owned()),
        arn: Some(arn.to_owned()),
        path: Some("/".to_owned()),
        default_version_id: Some("v1".to_owned()),
        attachment_count: i32::try_from(attached).ok(),
        is_attachable: Some(true),
        ..Policy::default()
    }
}

pub(super) async fn version(
    access: &Access,
    caller: &Caller,
    input: GetPolicyVersionRequest,
) -> Result<GetPolicyVersionResponse, AccessError> {
    let arn = input.policy_arn;
    check(caller, &arn)?;
    if input.version_id != "v1" {
        return Err(AccessError::Missing(format!(
            "Policy {arn} version {}",
            input.version_id
        )));
    }
    let document = access.read(|state| {
        managed::document(state, &caller.account, &arn).map(|text| percent::encode(text).to_string())
    })?;
    Ok(GetPolicyVersionResponse {
        policy_version: Some(PolicyVersion {
            document: Some(document),
            version_id: Some(input.version_id),
            is_default_version: Some(true),
            create_date: None,
        }),
    })
}

pub(super) async fn list(
    access: &Access,
    caller: &Caller,
    input: ListPoliciesRequest,
) -> Result<ListPoliciesResponse, AccessError> {
    check(caller, &managed::arn(&caller.account, "/", "*"))?;
    let scope = input.scope.unwrap_or(PolicyScopeType::All);
    let prefix = input.path_prefix.unwrap_or_default();
    let only_attached = input.only_attached == Some(true);
    Ok(access.read(|state| {
        let wanted = |policy: &Policy| !only_attached || policy.attachment_count != Some(0);
        let own = state
            .account(&caller.account)
            .into_iter()
            .flat_map(|account| &account.policies);
        let own = own.filter(|(_, policy)| scope != PolicyScopeType::Aws && policy.path.starts_with(&prefix));
        let (found, marker) = page(own, input.marker.as_deref(), input.max_items);
        let mut policies: Vec<Policy> = found
            .into_iter()
            .map(|(name, policy)| {
                let arn = managed::arn(&caller.account, &policy.path, name);
                shapes::policy(
                    &caller.account,
                    name,
                    policy,
                    attached(state, &caller.account, &arn),
                )
            })
            .collect();
        // Those that every account finds come with the first page.
        if scope != PolicyScopeType::Local && input.marker.is_none() && "/".starts_with(&prefix) {
            let known = managed::built_in();
            policies.extend(
                known.map(|(name, arn)| built_in(name, &arn, attached(state, &caller.account, &arn))),
            );
        }
        policies.retain(wanted);
        ListPoliciesResponse {
            policies: Some(policies),
            is_truncated: Some(marker.is_some()),
            marker,
        }
    }))
}

pub(super) async fn delete(
    access: &Access,
    caller: &Caller,
    input: DeletePolicyRequest,
) -> Result<(), AccessError> {
    let arn = input.policy_arn;
    check(caller, &arn)?;
    let name =
        access.read(|state| managed::own(state, &caller.account, &arn).map(|(name, _)| name.to_owned()))?;
    access
        .propose(Command::DeletePolicy {
            account: caller.account.clone(),
            name,
            arn,
        })
        .await
}

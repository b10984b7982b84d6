//! From the state to what clients see.

use std::collections::BTreeMap;

use millrace_api::EpochMillis;
use millrace_api::iam as api;
use millrace_base::Timestamp;
use millrace_wire::percent;

use super::arn;
use crate::identities::full_name;
use crate::managed;
use crate::state::{Holder, Managed, Of};

pub(super) fn time(time: Timestamp) -> EpochMillis {
    EpochMillis(i64::try_from(time.0).unwrap_or(i64::MAX))
}

fn tags(tags: &BTreeMap<String, String>) -> Option<Vec<api::Tag>> {
    let tags = tags.iter().map(|(key, value)| api::Tag {
        key: key.clone(),
        value: value.clone(),
    });
    Some(tags.collect::<Vec<_>>()).filter(|tags| !tags.is_empty())
}

pub(super) fn user(account: &str, name: &str, holder: &Holder) -> api::User {
    api::User {
        path: holder.path.clone(),
        user_name: name.to_owned(),
        user_id: holder.id.clone(),
        arn: arn(account, Of::User, &full_name(holder, name)),
        create_date: time(holder.created),
        tags: tags(&holder.tags),
        ..api::User::default()
    }
}

pub(super) fn role(account: &str, name: &str, holder: &Holder) -> api::Role {
    let own = holder.role.as_ref();
    api::Role {
        path: holder.path.clone(),
        role_name: name.to_owned(),
        role_id: holder.id.clone(),
        arn: arn(account, Of::Role, &full_name(holder, name)),
        create_date: time(holder.created),
        assume_role_policy_document: own.map(|role| percent::encode(&role.trust).to_string()),
        description: own.map(|role| role.description.clone()),
        max_session_duration: own.map(|role| role.max_secs),
        tags: tags(&holder.tags),
        ..api::Role::default()
    }
}

pub(super) fn policy(account: &str, name: &str, policy: &Managed, attached: usize) -> api::Policy {
    api::Policy {
        policy_name: Some(name.to_owned()),
        policy_id: Some(policy.id.clone()),
        arn: Some(managed::arn(account, &policy.path, name)),
        path: Some(policy.path.clone()),
        default_version_id: Some("v1".to_owned()),
        attachment_count: i32::try_from(attached).ok(),
        is_attachable: Some(true),
        description: Some(policy.description.clone()).filter(|text| !text.is_empty()),
        create_date: Some(time(policy.created)),
        update_date: Some(time(policy.created)),
        tags: tags(&policy.tags),
        ..api::Policy::default()
    }
}

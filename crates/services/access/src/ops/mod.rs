//! The operations of Identity and Access Management, by what they are about. Users and roles share most of them.

mod attached;
mod inline;
mod keys;
mod managed;
mod roles;
mod shapes;
mod users;

use std::future::Future;

use bytes::Bytes;
use millrace_api::{Operation, Shaped};
use millrace_wire::access::{Tagging, Target};
use millrace_wire::policy::{Kind, Policy};
use millrace_wire::{ApiError, Caller, Codec, Reply};

use crate::error::AccessError;
use crate::identities::full_name;
use crate::limits::{PAGE, PAGE_MAX, TAGS_MAX};
use crate::service::Access;
use crate::state::Of;

/// A call on its way.
struct Call<'a> {
    access: &'a Access,
    caller: &'a Caller,
    codec: Codec,
    body: &'a Bytes,
}

pub(crate) async fn dispatch(
    access: &Access,
    caller: &Caller,
    op: &'static Operation,
    codec: Codec,
    body: &Bytes,
) -> Result<Reply, AccessError> {
    let call = Call {
        access,
        caller,
        codec,
        body,
    };
    match op.name {
        "AttachRolePolicy" => silent(call, attached::attach_role).await,
        "AttachUserPolicy" => silent(call, attached::attach_user).await,
        "CreateAccessKey" => typed(call, keys::create).await,
        "CreatePolicy" => typed(call, managed::create).await,
        "CreateRole" => typed(call, roles::create).await,
        "CreateUser" => typed(call, users::create).await,
        "DeleteAccessKey" => silent(call, keys::delete).await,
        "DeletePolicy" => silent(call, managed::delete).await,
        "DeleteRole" => silent(call, roles::delete).await,
        "DeleteRolePolicy" => silent(call, inline::delete_role).await,
        "DeleteUser" => silent(call, users::delete).await,
        "DeleteUserPolicy" => silent(call, inline::delete_user).await,
        "DetachRolePolicy" => silent(call, attached::detach_role).await,
        "DetachUserPolicy" => silent(call, attached::detach_user).await,
        "GetPolicy" => typed(call, managed::get).await,
        "GetPolicyVersion" => typed(call, managed::version).await,
        "GetRole" => typed(call, roles::get).await,
        "GetRolePolicy" => typed(call, inline::get_role).await,
        "GetUser" => typed(call, users::get).await,
        "GetUserPolicy" => typed(call, inline::get_user).await,
        "ListAccessKeys" => typed(call, keys::list).await,
        "ListAttachedRolePolicies" => typed(call, attached::list_role).await,
        "ListAttachedUserPolicies" => typed(call, attached::list_user).await,
        "ListPolicies" => typed(call, managed::list).await,
        "ListRolePolicies" => typed(call, inline::list_role).await,
        "ListRoles" => typed(call, roles::list).await,
        "ListUserPolicies" => typed(call, inline::list_user).await,
        "ListUsers" => typed(call, users::list).await,
        "PutRolePolicy" => silent(call, inline::put_role).await,
        "PutUserPolicy" => silent(call, inline::put_user).await,
        "UpdateAccessKey" => silent(call, keys::update).await,
        "UpdateAssumeRolePolicy" => silent(call, roles::update_trust).await,
        _ => Err(ApiError::unknown_operation().into()),
    }
}

/// Decodes the input, runs the operation, encodes its output.
async fn typed<'a, I, O, F, R>(call: Call<'a>, run: F) -> Result<Reply, AccessError>
where
    I: Shaped,
    O: Shaped,
    F: FnOnce(&'a Access, &'a Caller, I) -> R,
    R: Future<Output = Result<O, AccessError>>,
{
    let input = call.codec.typed(call.body)?;
    let output = run(call.access, call.caller, input).await?;
    Ok(call.codec.reply(output))
}

/// The same for an operation that answers nothing.
async fn silent<'a, I, F, R>(call: Call<'a>, run: F) -> Result<Reply, AccessError>
where
    I: Shaped,
    F: FnOnce(&'a Access, &'a Caller, I) -> R,
    R: Future<Output = Result<(), AccessError>>,
{
    let input = call.codec.typed(call.body)?;
    run(call.access, call.caller, input).await?;
    Ok(Reply::Body(Bytes::new()))
}

/// Whether the caller may do this to a user or role, be it there or not; its path counts where it is.
fn check(access: &Access, caller: &Caller, of: Of, name: &str) -> Result<(), AccessError> {
    check_with(access, caller, (of, name), &[])
}

/// The same with condition keys of IAM's own.
fn check_with(
    access: &Access,
    caller: &Caller,
    (of, name): (Of, &str),
    keys: &[(&'static str, &str)],
) -> Result<(), AccessError> {
    let full = access.read(|state| match state.holder(&caller.account, of, name) {
        Ok(holder) => (full_name(holder, name), holder.tags.clone()),
        Err(_) => (name.to_owned(), std::collections::BTreeMap::new()),
    });
    let arn = || arn(&caller.account, of, &full.0);
    caller.authorize(&Target {
        tags: Some(&full.1),
        keys,
        ..Target::new(&caller.account, &arn)
    })?;
    Ok(())
}

/// Whether the caller may make this.
fn check_new(caller: &Caller, arn: &str, tags: &[(String, String)]) -> Result<(), AccessError> {
    caller.authorize(&Target {
        tagging: Some(Tagging::Set(tags)),
        ..Target::new(&caller.account, &|| arn.to_owned())
    })?;
    Ok(())
}

/// The ARN of a user or role, of its name with its path.
fn arn(account: &str, of: Of, full_name: &str) -> String {
    format!("arn:aws:iam::{account}:{}/{full_name}", of.kind())
}

/// A path: `/`, or one that begins and ends with a slash.
fn path(given: Option<String>) -> Result<String, AccessError> {
    let path = given.unwrap_or_else(|| "/".to_owned());
    if path.starts_with('/') && path.ends_with('/') && !path.contains("//") {
        return Ok(path);
    }
    Err(AccessError::Invalid(format!(
        "The path {path} must begin and end with a slash, with something between slashes."
    )))
}

/// The name in a request; a user that names nobody means itself.
fn or_self(caller: &Caller, given: Option<String>) -> Result<String, AccessError> {
    let own = || caller.identity.principal().user_name().map(str::to_owned);
    given.or_else(own).ok_or_else(|| {
        AccessError::Invalid("Must specify userName when calling with non-User credentials".to_owned())
    })
}

/// Refuses a document that is no policy of this kind.
fn hold_policy(text: &str, kind: Kind) -> Result<(), AccessError> {
    match Policy::parse(text, kind) {
        Ok(_) => Ok(()),
        Err(error) => Err(AccessError::Malformed(error.to_string())),
    }
}

/// That this version has no boundaries: a permission that nobody limits must not look limited.
fn no_boundary(given: Option<&String>) -> Result<(), AccessError> {
    match given {
        None => Ok(()),
        Some(_) => Err(AccessError::Invalid(
            "PermissionsBoundary is not supported by Millrace yet: leave it out, and put what it denies into a policy."
                .to_owned(),
        )),
    }
}

type Tags = Vec<(String, String)>;

fn tags(given: Option<Vec<millrace_api::iam::Tag>>) -> Result<Tags, AccessError> {
    let given = given.unwrap_or_default();
    if given.len() > TAGS_MAX {
        return Err(AccessError::Invalid(format!(
            "{} tags are more than the {TAGS_MAX} that there can be.",
            given.len()
        )));
    }
    Ok(given.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// A page of what is sorted by name: entries behind `marker`, and the marker to go on with.
fn page<'m, T: 'm>(
    all: impl Iterator<Item = (&'m String, &'m T)>,
    marker: Option<&str>,
    asked: Option<i32>,
) -> (Vec<(&'m String, &'m T)>, Option<String>) {
    let most = asked
        .and_then(|asked| usize::try_from(asked).ok())
        .unwrap_or(PAGE)
        .clamp(1, PAGE_MAX);
    let behind = all.filter(|(name, _)| marker.is_none_or(|marker| name.as_str() > marker));
    let mut found: Vec<_> = behind.take(most + 1).collect();
    let more = found.len() > most;
    found.truncate(most);
    let next = found.last().filter(|_| more).map(|(name, _)| (*name).clone());
    (found, next)
}

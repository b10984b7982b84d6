//! What a policy that is attached to a stream, a consumer or their kin may say (Kinesis developer guide, "Sharing your
//! data stream with another account", "Policy limits").
//!
//! It is about the resource it is attached to and nothing else, lists actions of that resource that can be shared, and
//! names accounts, users, roles or sessions: no wildcard, no service, no federated or canonical principal. So it grants
//! to nobody who is not named.

use super::error::{Path, PolicyError};
use super::principal::Named;
use super::statement::{Element, Statement};
use super::{Kind, Policy};

/// Holds a policy against what it may say when it is attached to `attached_arn`, where `allowed_actions` – such as
/// `kinesis:PutRecord` – can be shared.
///
/// # Errors
/// [`PolicyError`] for the first thing that it may not say.
pub fn check_resource_policy(
    policy: &Policy,
    attached_arn: &str,
    allowed_actions: &[&str],
) -> Result<(), PolicyError> {
    if policy.kind() != Kind::Resource {
        return Err(Path::DOCUMENT.error("is no resource policy"));
    }
    let all = Path::DOCUMENT.member("Statement");
    for (index, statement) in policy.statements().iter().enumerate() {
        let path = all.index(index);
        principals(statement, &path)?;
        actions(statement, allowed_actions, &path)?;
        resources(statement, attached_arn, &path)?;
    }
    Ok(())
}

fn principals(statement: &Statement, path: &Path<'_>) -> Result<(), PolicyError> {
    const HINT: &str = "Name accounts, users, roles or sessions under \"AWS\"";
    let Some(Element { negated, items }) = &statement.principals else {
        return Ok(());
    };
    if *negated {
        let path = path.member("NotPrincipal");
        return Err(path.error(format!(
            "NotPrincipal is not supported, since it means nearly everyone. {HINT}"
        )));
    }
    for named in items {
        let what = match named {
            Named::Everyone => "The wildcard (*) is",
            Named::Service(_) => "Service principals are",
            Named::Foreign(what) => return refuse_foreign(what, &path.member("Principal"), HINT),
            Named::Account(_) | Named::User { .. } | Named::Role { .. } | Named::Session { .. } => continue,
        };
        return Err(path.member("Principal").error(format!(
            "{what} not supported in the policy of a resource. {HINT}"
        )));
    }
    Ok(())
}

fn refuse_foreign(what: &str, path: &Path<'_>, hint: &str) -> Result<(), PolicyError> {
    Err(path.error(format!(
        "Principals that are {what} are not supported in the policy of a resource. {hint}"
    )))
}

fn actions(statement: &Statement, allowed: &[&str], path: &Path<'_>) -> Result<(), PolicyError> {
    let Element { negated, items } = &statement.actions;
    let name = if *negated { "NotAction" } else { "Action" };
    let list = path.member(name);
    if *negated {
        return Err(list.error(format!(
            "NotAction is not supported in the policy of a resource. Use Action with some of {}",
            allowed.join(", ")
        )));
    }
    for (index, pattern) in items.iter().enumerate() {
        let known = pattern
            .literal()
            .is_some_and(|action| allowed.iter().any(|known| known.eq_ignore_ascii_case(action)));
        if !known {
            let what = match pattern.literal() {
                Some(action) => format!("'{action}' cannot be shared by the policy of this resource"),
                None => "Wildcards (*) are not supported for the actions of a resource's policy".to_owned(),
            };
            return Err(list.index(index).error(format!(
                "{what}. Actions that can be shared are {}",
                allowed.join(", ")
            )));
        }
    }
    Ok(())
}

fn resources(statement: &Statement, attached: &str, path: &Path<'_>) -> Result<(), PolicyError> {
    let Some(Element { negated, items }) = &statement.resources else {
        return Ok(());
    };
    let name = if *negated { "NotResource" } else { "Resource" };
    let list = path.member(name);
    for (index, pattern) in items.iter().enumerate() {
        if *negated || pattern.literal() != Some(attached) {
            return Err(list.index(index).error(format!(
                "Resource must be the ARN of the resource the policy is attached to. Write \"{attached}\""
            )));
        }
    }
    Ok(())
}

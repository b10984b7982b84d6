//! Managed policies: an account's own, and those that every account finds.

use millrace_wire::policy::{Kind, Policy};

use crate::error::AccessError;
use crate::state::{AccessState, Managed};

/// Whose the policies are that every account finds.
pub(crate) const EVERYBODYS: &str = "aws";

/// Name and document of policies that every account finds, as far as they are about what this server does.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "AdministratorAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "AmazonKinesisFullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kinesis:*","Resource":"*"}]}"#,
    ),
    (
        "AmazonKinesisReadOnlyAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kinesis:Get*","kinesis:List*","kinesis:Describe*"],"Resource":"*"}]}"#,
    ),
    (
        "AmazonDynamoDBFullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]}"#,
    ),
    (
        "CloudWatchFullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudwatch:*","Resource":"*"}]}"#,
    ),
    (
        "IAMFullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#,
    ),
];

/// The account (or `aws`), path and name in a policy's ARN: `arn:aws:iam::ACCOUNT:policy/PATH/NAME`.
pub(crate) fn parts(arn: &str) -> Option<(&str, &str, &str)> {
    let (account, name) = arn.strip_prefix("arn:aws:iam::")?.split_once(":policy/")?;
    let at = name.rfind('/').map_or(0, |slash| slash + 1);
    let (path, name) = name.split_at_checked(at)?;
    (!name.is_empty()).then_some((account, path, name))
}

/// The ARN of an account's policy.
pub(crate) fn arn(account: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:policy{path}{name}")
}

/// The ARNs of the policies that every account finds.
pub(crate) fn built_in() -> impl Iterator<Item = (&'static str, String)> {
    BUILT_IN
        .iter()
        .map(|(name, _)| (*name, arn(EVERYBODYS, "/", name)))
}

/// An account's own policy.
pub(crate) fn own<'s>(
    state: &'s AccessState,
    account: &str,
    given: &str,
) -> Result<(&'s str, &'s Managed), AccessError> {
    let missing = || AccessError::Missing(format!("Policy {given}"));
    let (of, path, name) = parts(given).ok_or_else(missing)?;
    let policies = state.account(account).filter(|_| of == account);
    let (name, policy) = policies
        .and_then(|own| own.policies.get_key_value(name))
        .ok_or_else(missing)?;
    if policy.path.trim_start_matches('/') == path {
        Ok((name, policy))
    } else {
        Err(missing())
    }
}

/// The document of a policy that identities of `account` can have.
pub(crate) fn document<'s>(
    state: &'s AccessState,
    account: &str,
    given: &str,
) -> Result<&'s str, AccessError> {
    if let Some((EVERYBODYS, "", name)) = parts(given) {
        let known = BUILT_IN.iter().find(|(known, _)| *known == name);
        return known.map(|(_, text)| *text).ok_or_else(|| {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            AccessError::Missing(format!(
                "Policy {given}; of the policies that AWS manages there are {}, and it",
                names.join(", ")
            ))
        });
    }
    own(state, account, given).map(|(_, policy)| &*policy.text)
}

/// A document that was checked when it was stored; one that cannot be read any more denies everything.
pub(crate) fn compiled(text: &str) -> Policy {
    Policy::parse(text, Kind::Identity).unwrap_or_else(|error| {
        tracing::error!(%error, "a stored policy cannot be read: its holders are let through nowhere until it is put again");
        Policy::deny_everything()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_policies_can_be_read() {
        for (name, text) in BUILT_IN {
            assert!(Policy::parse(text, Kind::Identity).is_ok(), "{name}");
        }
    }

    #[test]
    fn arns_are_taken_apart() {
        assert_eq!(
            parts("arn:aws:iam::aws:policy/IAMFullAccess"),
            Some(("aws", "", "IAMFullAccess"))
        );
        assert_eq!(
            parts("arn:aws:iam::111111111111:policy/a/b/c"),
            Some(("111111111111", "a/b/", "c"))
        );
        assert_eq!(parts("arn:aws:iam::111111111111:policy/"), None);
        assert_eq!(parts("arn:aws:s3:::b"), None);
        let made = arn("111111111111", "/a/b/", "c");
        assert_eq!(parts(&made), Some(("111111111111", "a/b/", "c")));
    }
}

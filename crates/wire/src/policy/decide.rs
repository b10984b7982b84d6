//! From the policies that apply to a request to its decision (IAM User Guide, "Policy evaluation logic").
//!
//! An explicit deny in any policy wins. Otherwise, where who asks and the resource belong to one account, an allow of an
//! identity-based policy or of the resource's policy is enough; across accounts it takes both. A permissions boundary
//! and a session's policies grant nothing, but what they do not allow is denied – unless, within the account, the
//! resource's policy names the very user or session (or everyone):
//!
//! | the resource's policy allows | an identity-based policy must allow | boundary and session policies must allow |
//! |---|---|---|
//! | the user, the session, everyone | no | no |
//! | the role of the session | no | yes |
//! | the account | yes | yes |
//!
//! The owner of an account may do everything in it. A trust policy is the exception: it must allow in any case. Services
//! and those who did not sign need the resource's policy and nothing else.

use super::principal::Closeness;
use super::{Effect, Kind, Outcome, Policy, Principal, Request};

/// The policies that apply to a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grants<'a> {
    /// Identity-based policies: of a user and its groups, or of a role.
    pub identity: &'a [Policy],
    /// The permissions boundary of the user or role, if it has one.
    pub boundary: Option<&'a [Policy]>,
    /// The policies that were passed for the session, if any were. One of them must allow.
    pub session: Option<&'a [Policy]>,
    /// The policy of the resource, if it has one; of `sts:AssumeRole` the role's trust policy.
    pub resource: Option<&'a Policy>,
}

/// Whether a request is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is.
    Allow,
    /// It is not.
    Deny(Denial),
}

impl Decision {
    /// Whether it is let through.
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allow)
    }
}

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Whether a statement denies it; else none allows it.
    pub explicit: bool,
    /// In which policies.
    pub by: Source,
}

/// Kinds of policies, by where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Identity-based policies.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// Policies of the session.
    Session,
    /// The policy of the resource.
    Resource,
    /// The role's trust policy.
    Trust,
}

impl Denial {
    /// What AWS says of it: who may not do what to what, and by which kind of policy (IAM User Guide, "Troubleshoot
    /// access denied error messages"). A resource of `*` is left out.
    #[must_use]
    pub fn message(&self, principal_arn: &str, action: &str, resource: &str) -> String {
        let on = if resource == "*" {
            String::new()
        } else {
            format!(" on resource: {resource}")
        };
        let why = match (self.explicit, self.by) {
            (true, Source::Identity) => "with an explicit deny in an identity-based policy".to_owned(),
            (true, Source::Boundary) => "with an explicit deny in a permissions boundary".to_owned(),
            (true, Source::Session) => "with an explicit deny in a session policy".to_owned(),
            (true, Source::Resource) => "with an explicit deny in a resource-based policy".to_owned(),
            (true, Source::Trust) => "with an explicit deny in the role trust policy".to_owned(),
            (false, source) => format!("because no {} allows the {action} action", source.name()),
        };
        format!("User: {principal_arn} is not authorized to perform: {action}{on} {why}")
    }
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
        }
    }
}

/// Decides a request to a resource of `resource_account` (twelve digits).
///
/// Requests without a resource of their own, such as ListStreams, are about `*` in the account that is called.
#[must_use]
pub fn decide(grants: &Grants<'_>, resource_account: &str, request: &Request<'_>) -> Decision {
    let trust = grants.resource.is_some_and(|policy| policy.kind() == Kind::Trust);
    let of_resource = if trust { Source::Trust } else { Source::Resource };
    let resource = grants.resource.map_or(Outcome::SILENT, |policy| {
        policy.outcome(request, grants.boundary.is_some())
    });
    let identity = all(grants.identity, request);
    let boundary = grants.boundary.map(|policies| all(policies, request));
    let session = grants.session.map(|policies| all(policies, request));

    let denied = [
        (Source::Identity, identity == Effect::Deny),
        (of_resource, resource.denied),
        (Source::Boundary, boundary == Some(Effect::Deny)),
        (Source::Session, session == Some(Effect::Deny)),
    ];
    if let Some((by, _)) = denied.into_iter().find(|(_, denied)| *denied) {
        return Decision::Deny(Denial { explicit: true, by });
    }

    let missing = |by| Decision::Deny(Denial { explicit: false, by });
    let Some(account) = request.principal.account() else {
        return match resource.allowed {
            Some(_) => Decision::Allow,
            None => missing(of_resource),
        };
    };
    let own = account == resource_account;
    if own && resource.allowed == Some(Closeness::Direct) {
        return Decision::Allow;
    }
    let owner = matches!(request.principal, Principal::Root { .. });
    let role_allowed = own && resource.allowed == Some(Closeness::Role);
    if !owner && !role_allowed && identity != Effect::Allow {
        return missing(Source::Identity);
    }
    if boundary.is_some_and(|effect| effect != Effect::Allow) {
        return missing(Source::Boundary);
    }
    if session.is_some_and(|effect| effect != Effect::Allow) {
        return missing(Source::Session);
    }
    if (!own || trust) && resource.allowed.is_none() {
        return missing(of_resource);
    }
    Decision::Allow
}

/// What several policies of one kind come to.
fn all(policies: &[Policy], request: &Request<'_>) -> Effect {
    let mut sum = Effect::Silent;
    for policy in policies {
        match policy.evaluate(request) {
            Effect::Deny => return Effect::Deny,
            Effect::Allow => sum = Effect::Allow,
            Effect::Silent => {}
        }
    }
    sum
}

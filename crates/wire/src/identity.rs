//! Who calls, and what its policies say.

use std::sync::Arc;

use millrace_base::Timestamp;

use crate::policy::{Grants, Policy, Principal};

/// The partition of ARNs that name identities: one server knows an account once, whatever partition a region is in.
const PARTITION: &str = "aws";

/// Somebody who can call: the owner of an account, a user, a session of a role. Made once and shared by its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    principal: Principal,
    arn: String,
    user_id: String,
    /// Identity-based policies: of a user, or of the role of a session.
    pub policies: Vec<Policy>,
    /// The permissions boundary, if there is one.
    pub boundary: Option<Vec<Policy>>,
    /// The policies that were passed for the session, if any were.
    pub session: Option<Vec<Policy>>,
    /// When its credentials were issued, where they are temporary.
    pub issued: Option<Timestamp>,
}

impl Identity {
    /// Somebody without any policy. `user_id` is `aws:userid`: `AIDA…` of a user, `AROA…:SESSION` of a session.
    #[must_use]
    pub fn new(principal: Principal, user_id: impl Into<String>) -> Self {
        Self {
            arn: principal.arn(PARTITION),
            principal,
            user_id: user_id.into(),
            policies: Vec::new(),
            boundary: None,
            session: None,
            issued: None,
        }
    }

    /// The owner of an account, who may do everything in it.
    #[must_use]
    pub fn root(account: &str) -> Arc<Self> {
        let principal = Principal::Root {
            account: account.to_owned(),
        };
        Arc::new(Self::new(principal, account))
    }

    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// As others see it, such as `arn:aws:iam::000000000000:root`; of a session its own.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// `aws:userid`
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Whether it owns its account and no session narrows that.
    #[must_use]
    pub const fn owns_account(&self) -> bool {
        matches!(self.principal, Principal::Root { .. }) && self.session.is_none() && self.boundary.is_none()
    }

    /// Its policies beside the one of a resource.
    #[must_use]
    pub fn grants<'a>(&'a self, resource: Option<&'a Policy>) -> Grants<'a> {
        Grants {
            identity: &self.policies,
            boundary: self.boundary.as_deref(),
            session: self.session.as_deref(),
            resource,
        }
    }
}

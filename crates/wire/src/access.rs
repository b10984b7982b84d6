//! Whether a caller may do what it asks for: everything that is known of the request, held against every policy.
//!
//! A service names the resource ([`Target`]) and lets [`Caller::authorize`] decide before it does or tells anything, so
//! that who may not ask does not even learn whether the resource is there.

use std::collections::BTreeMap;
use std::fmt;

use millrace_api::{Operation, Service};

use crate::ApiError;
use crate::call::Caller;
use crate::policy::{Context, Decision, Policy, Request, decide};

/// What a request is about.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Its ARN, or `*` where an operation is about none; asked for only where a policy is looked at.
    pub arn: &'a dyn Fn() -> String,
    /// Whose it is, twelve digits.
    pub account: &'a str,
    /// Its policy, if it has one.
    pub policy: Option<&'a Policy>,
    /// The tags that it has.
    pub tags: Option<&'a BTreeMap<String, String>>,
    /// The tags that the request is about.
    pub tagging: Option<Tagging<'a>>,
    /// Condition keys of the service's own, in lower case, and their values.
    pub keys: &'a [(&'static str, &'a str)],
}

/// What a request does to tags.
#[derive(Clone, Copy, Debug)]
pub enum Tagging<'a> {
    /// Sets these.
    Set(&'a [(String, String)]),
    /// Removes those of these names.
    Remove(&'a [String]),
}

impl<'a> Target<'a> {
    /// A resource of `account` without policy and tags.
    #[must_use]
    pub fn new(account: &'a str, arn: &'a dyn Fn() -> String) -> Self {
        Self {
            arn,
            account,
            policy: None,
            tags: None,
            tagging: None,
            keys: &[],
        }
    }

    /// The account itself: for operations that are about no resource.
    #[must_use]
    pub fn account(account: &'a str) -> Self {
        Self::new(account, &|| String::from("*"))
    }
}

impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("arn", &(self.arn)())
            .finish_non_exhaustive()
    }
}

/// The caller may not; the sentence is AWS's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(pub String);

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        Self::client("AccessDeniedException", denied.0)
    }
}

impl Caller {
    /// That the caller is held against this very operation and never another one: a guard against mistakes of ours.
    ///
    /// # Errors
    /// An internal error.
    pub fn holds_for(&self, service: &Service, op: &Operation) -> Result<(), ApiError> {
        if self.service == service.action_prefix() && self.operation == op.name {
            return Ok(());
        }
        Err(ApiError::internal("the caller was let in for another operation"))
    }

    /// Whether the caller may do what it asks for to `target`.
    ///
    /// # Errors
    /// [`Denied`], saying by which kind of policy.
    pub fn authorize(&self, target: &Target<'_>) -> Result<(), Denied> {
        self.authorize_as(self.operation, target)
    }

    /// The same under another action of the service: where one operation needs several permissions.
    ///
    /// # Errors
    /// [`Denied`]
    pub fn authorize_as(&self, operation: &str, target: &Target<'_>) -> Result<(), Denied> {
        let identity = &*self.identity;
        if identity.owns_account() && self.account == target.account && target.policy.is_none() {
            return Ok(());
        }
        let (action, arn) = (format!("{}:{operation}", self.service), (target.arn)());
        let context = self.context(target);
        let request = Request {
            principal: identity.principal(),
            action: &action,
            resource: &arn,
            context: &context,
        };
        match decide(&identity.grants(target.policy), target.account, &request) {
            Decision::Allow => Ok(()),
            Decision::Deny(denial) => Err(Denied(denial.message(identity.arn(), &action, &arn))),
        }
    }

    /// What conditions can ask for.
    fn context<'a>(&'a self, target: &Target<'a>) -> Context<'a> {
        let identity = &*self.identity;
        let mut context = Context::new()
            .principal(identity.principal(), "aws")
            .user_id(identity.user_id())
            .current_time(self.received)
            .requested_region(&*self.region)
            .resource_account(target.account)
            .secure_transport(self.source.secure);
        if let Some(address) = self.source.address {
            context = context.source_ip(address);
        }
        if let Some(agent) = self.source.user_agent.as_deref() {
            context = context.user_agent(agent);
        }
        if let Some(issued) = identity.issued {
            context = context.token_issue_time(issued);
        }
        for (key, value) in target.keys {
            context.set(*key, *value);
        }
        for (key, value) in target.tags.into_iter().flatten() {
            context = context.resource_tag(key, &**value);
        }
        match target.tagging {
            None => context,
            Some(Tagging::Remove(keys)) => context.tag_keys(keys.iter().map(String::as_str)),
            Some(Tagging::Set(tags)) => {
                for (key, value) in tags {
                    context = context.request_tag(key, &**value);
                }
                context.tag_keys(tags.iter().map(|(key, _)| key.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
